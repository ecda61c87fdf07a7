/**
 * The keyboard map: which chord means which command. Pure, so that it is tested without a window.
 * Never bound, because input methods own them: Shift alone, Ctrl+Space, Shift+Space, Ctrl+., Ctrl+Shift.
 */
import { belongsToIme } from './ime';

export type CommandId =
  | 'palette'
  | 'new_case'
  | 'find_caller'
  | 'step_identity'
  | 'step_diagnosis'
  | 'add_document'
  | 'next'
  | 'print'
  | 'lock'
  | 'sync_now'
  | 'next_pane'
  | 'back'
  | 'forward'
  | 'cheat_sheet'
  | 'fold'
  | `screen_${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}`
  | `step_${1 | 2 | 3 | 4 | 5 | 6}`;

export type Letter =
  | 'approve'
  | 'return'
  | 'reject'
  | 'down'
  | 'up'
  | 'open'
  | 'zoom_in'
  | 'zoom_out'
  | 'fit'
  | 'full_size'
  | 'rotate'
  | 'magnify'
  | 'compare'
  | 'mask';

export const DEFAULT_CHORDS: Readonly<Record<CommandId, string>> = {
  palette: 'Ctrl+K',
  new_case: 'Ctrl+N',
  find_caller: 'F2',
  step_identity: 'F4',
  step_diagnosis: 'F8',
  add_document: 'Ctrl+U',
  next: 'Ctrl+Enter',
  print: 'Ctrl+P',
  lock: 'Ctrl+L',
  sync_now: 'F9',
  next_pane: 'F6',
  back: 'Alt+ArrowLeft',
  forward: 'Alt+ArrowRight',
  cheat_sheet: '?',
  fold: 'Escape',
  screen_1: 'Ctrl+1',
  screen_2: 'Ctrl+2',
  screen_3: 'Ctrl+3',
  screen_4: 'Ctrl+4',
  screen_5: 'Ctrl+5',
  screen_6: 'Ctrl+6',
  screen_7: 'Ctrl+7',
  screen_8: 'Ctrl+8',
  screen_9: 'Ctrl+9',
  step_1: 'Alt+1',
  step_2: 'Alt+2',
  step_3: 'Alt+3',
  step_4: 'Alt+4',
  step_5: 'Alt+5',
  step_6: 'Alt+6',
};

export const DEFAULT_LETTERS: Readonly<Record<Letter, string>> = {
  approve: 'a',
  return: 's',
  reject: 'd',
  down: 'j',
  up: 'k',
  open: 'o',
  zoom_in: '+',
  zoom_out: '-',
  fit: '0',
  full_size: '1',
  rotate: 'r',
  magnify: 'm',
  compare: 'c',
  mask: 'x',
};

const RESERVED = new Set(['Shift', 'Ctrl+Space', 'Shift+Space', 'Ctrl+.', 'Ctrl+Shift', 'Ctrl+Shift+Shift']);

/** True when a chord may be bound by a person. */
export function isBindable(chord: string): boolean {
  return chord !== '' && !RESERVED.has(chord) && !/^(Ctrl|Alt|Shift|Meta|Control)$/.test(chord);
}

/** The chord of a key event in the notation of this file; digits are read from the physical key. */
export function chordOf(event: KeyboardEvent): string {
  const digit = /^(?:Digit|Numpad)([0-9])$/.exec(event.code)?.[1];
  let key = event.key === ' ' ? 'Space' : event.key;
  if (digit !== undefined && (event.ctrlKey || event.altKey)) key = digit;
  const isChar = key.length === 1;
  const parts: string[] = [];
  if (event.ctrlKey || event.metaKey) parts.push('Ctrl');
  if (event.altKey) parts.push('Alt');
  if (event.shiftKey && (!isChar || parts.length > 0)) parts.push('Shift');
  parts.push(isChar && parts.length > 0 ? key.toUpperCase() : key);
  return parts.join('+');
}

/** True when the focus is in something that takes text, where single letters are text. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  if (!(target instanceof HTMLInputElement)) return false;
  return !['checkbox', 'radio', 'button', 'submit', 'file', 'range'].includes(target.type);
}

/** The command of a key event, or nothing when it is text, an input method's key, or unbound. */
export function commandOf(
  event: KeyboardEvent,
  chords: Readonly<Record<CommandId, string>> = DEFAULT_CHORDS,
): CommandId | undefined {
  if (belongsToIme(event)) return undefined;
  const chord = chordOf(event);
  const bare = !event.ctrlKey && !event.altKey && !event.metaKey && event.key.length === 1;
  if (bare && isTyping(event.target)) return undefined;
  return (Object.keys(chords) as CommandId[]).find((id) => chords[id] === chord);
}

/** The single-letter command of a key event; only lists and the viewer ask for it. */
export function letterOf(
  event: KeyboardEvent,
  enabled: boolean,
  letters: Readonly<Record<Letter, string>> = DEFAULT_LETTERS,
): Letter | undefined {
  if (!enabled || belongsToIme(event) || isTyping(event.target)) return undefined;
  if (event.ctrlKey || event.altKey || event.metaKey) return undefined;
  const key = event.key === '=' ? '+' : event.key.toLowerCase();
  return (Object.keys(letters) as Letter[]).find((id) => letters[id] === key);
}

/** Number keys 1–9 where a list of reasons or answers is on screen. */
export function digitOf(event: KeyboardEvent, enabled: boolean): number | undefined {
  if (!enabled || belongsToIme(event) || isTyping(event.target)) return undefined;
  if (event.ctrlKey || event.altKey || event.metaKey || !/^[1-9]$/.test(event.key)) return undefined;
  return Number(event.key);
}
