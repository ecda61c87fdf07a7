import { expect, it } from 'vitest';
import { DEFAULT_CHORDS, chordOf, commandOf, digitOf, isBindable, letterOf } from '../src/lib/keys';

function on(tag: string, init: KeyboardEventInit): KeyboardEvent {
  const node = document.body.appendChild(document.createElement(tag));
  const event = new KeyboardEvent('keydown', { bubbles: true, ...init });
  node.dispatchEvent(event);
  return event;
}

it.each(['Shift', 'Ctrl+Space', 'Shift+Space', 'Ctrl+.', 'Ctrl+Shift', 'Ctrl', ''])(
  '%s_is_reserved_for_input_methods',
  (chord) => {
    expect(isBindable(chord)).toBe(false);
  },
);

it('no_two_commands_share_a_chord_and_none_is_reserved', () => {
  const chords = Object.values(DEFAULT_CHORDS);
  expect(new Set(chords).size).toBe(chords.length);
  expect(chords.every(isBindable)).toBe(true);
});

it.each([
  [{ key: 'k', ctrlKey: true }, 'palette'],
  [{ key: 'n', ctrlKey: true }, 'new_case'],
  [{ key: 'F2' }, 'find_caller'],
  [{ key: 'F9' }, 'sync_now'],
  [{ key: 'Enter', ctrlKey: true }, 'next'],
  [{ key: '3', code: 'Digit3', altKey: true }, 'step_3'],
  [{ key: '£', code: 'Digit3', altKey: true }, 'step_3'],
  [{ key: '8', code: 'Digit8', ctrlKey: true }, 'screen_8'],
  [{ key: 'ArrowLeft', altKey: true }, 'back'],
])('%o_means_%s', (init, command) => {
  expect(commandOf(on('div', init))).toBe(command);
});

it('question_mark_is_text_while_typing_and_the_cheat_sheet_elsewhere', () => {
  expect(commandOf(on('input', { key: '?', shiftKey: true }))).toBeUndefined();
  expect(commandOf(on('div', { key: '?', shiftKey: true }))).toBe('cheat_sheet');
});

it('single_letters_never_work_while_typing_nor_when_switched_off', () => {
  expect(letterOf(on('div', { key: 'a' }), true)).toBe('approve');
  expect(letterOf(on('textarea', { key: 'a' }), true)).toBeUndefined();
  expect(letterOf(on('div', { key: 'a' }), false)).toBeUndefined();
  expect(letterOf(on('div', { key: 'a', ctrlKey: true }), true)).toBeUndefined();
});

it('digits_choose_reasons_outside_of_text_only', () => {
  expect(digitOf(on('div', { key: '4' }), true)).toBe(4);
  expect(digitOf(on('input', { key: '4' }), true)).toBeUndefined();
  expect(digitOf(on('div', { key: '0' }), true)).toBeUndefined();
});

it('chords_are_written_the_same_way_whatever_the_case_of_the_letter', () => {
  expect(chordOf(on('div', { key: 'K', ctrlKey: true }))).toBe('Ctrl+K');
});
