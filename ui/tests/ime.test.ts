import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { belongsToIme, installImeGuard, isComposing } from '../src/lib/ime';
import { commandOf } from '../src/lib/keys';

let undo: () => void;
beforeEach(() => {
  vi.useFakeTimers();
  undo = installImeGuard();
});
afterEach(() => {
  undo();
  vi.useRealTimers();
});

const compose = (type: 'compositionstart' | 'compositionend'): boolean => window.dispatchEvent(new Event(type));
function key(name: string, extra: KeyboardEventInit & { keyCode?: number } = {}): KeyboardEvent {
  const event = new KeyboardEvent('keydown', { key: name, ...extra });
  if (extra.keyCode !== undefined) Object.defineProperty(event, 'keyCode', { value: extra.keyCode });
  if (extra.isComposing) Object.defineProperty(event, 'isComposing', { value: true });
  return event;
}

it('enter_with_is_composing_belongs_to_the_input_method_as_chromium_sends_it', () => {
  compose('compositionstart');
  expect(belongsToIme(key('Enter', { isComposing: true }))).toBe(true);
  compose('compositionend');
});

it('keydown_229_before_the_composition_events_belongs_to_it_as_webkitgtk_sends_it', () => {
  expect(isComposing()).toBe(false);
  expect(belongsToIme(key('Process', { keyCode: 229 }))).toBe(true);
  compose('compositionstart');
  expect(belongsToIme(key('n'))).toBe(true);
});

it('innocent_enter_right_after_compositionend_belongs_to_it_as_wkwebview_sends_it', () => {
  compose('compositionstart');
  compose('compositionend');
  expect(belongsToIme(key('Enter'))).toBe(true);
  vi.advanceTimersByTime(51);
  expect(belongsToIme(key('Enter'))).toBe(false);
});

it('enter_without_any_composition_is_meant', () => {
  expect(belongsToIme(key('Enter', { keyCode: 13 }))).toBe(false);
});

it('ctrl_k_right_after_a_composition_is_meant', () => {
  compose('compositionstart');
  compose('compositionend');
  expect(commandOf(key('k', { ctrlKey: true }))).toBe('palette');
});

it('no_shortcut_fires_while_composing', () => {
  compose('compositionstart');
  expect(commandOf(key('Enter', { ctrlKey: true }))).toBeUndefined();
});
