import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { watchIdle } from '../src/lib/idle';

let clock = 0;
beforeEach(() => {
  clock = 0;
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  clock += ms;
  vi.advanceTimersByTime(ms);
}

it('an_untouched_desk_locks_once_after_the_limit', () => {
  const lock = vi.fn();
  const stop = watchIdle(
    () => 300_000,
    lock,
    () => clock,
  );
  pass(299_000);
  expect(lock).not.toHaveBeenCalled();
  pass(5_000);
  expect(lock).toHaveBeenCalledTimes(1);
  stop();
});

it('a_key_begins_the_count_anew', () => {
  const lock = vi.fn();
  const stop = watchIdle(
    () => 300_000,
    lock,
    () => clock,
  );
  pass(299_000);
  window.dispatchEvent(new KeyboardEvent('keydown', { key: 'a' }));
  pass(299_000);
  expect(lock).not.toHaveBeenCalled();
  pass(2_000);
  expect(lock).toHaveBeenCalledTimes(1);
  stop();
});
