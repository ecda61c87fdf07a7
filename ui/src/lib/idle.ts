/** Nobody has touched the desk for a while: it locks itself. Typing and pointing count; what arrives from elsewhere does not. */
const TOUCHES = ['keydown', 'pointerdown', 'pointermove', 'wheel', 'compositionupdate'] as const;
const LOOK_MS = 1000;

/** Calls `lock` once after `limitMs()` without a touch; returns the undo. Time comes in so that a test can hold it. */
export function watchIdle(limitMs: () => number, lock: () => void, now: () => number = Date.now): () => void {
  let touched = now();
  let locked = false;
  const touch = (): void => {
    touched = now();
  };
  for (const name of TOUCHES) window.addEventListener(name, touch, { capture: true, passive: true });
  const timer = setInterval(() => {
    if (locked || now() - touched < limitMs()) return;
    locked = true;
    lock();
  }, LOOK_MS);
  return () => {
    clearInterval(timer);
    for (const name of TOUCHES) window.removeEventListener(name, touch, { capture: true });
  };
}
