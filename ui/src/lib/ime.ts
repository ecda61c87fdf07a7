/**
 * The one guard against input methods. A key that belongs to a composition must never submit, move or fire a
 * shortcut. Engines disagree on the order of events, so four signs are read:
 *
 * - Chromium, WebView2: Enter arrives with `isComposing`, then `compositionend`.
 * - WebKitGTK: a keydown with keyCode 229 arrives before the composition events.
 * - WKWebView: `compositionend` arrives first, then an Enter that looks innocent.
 */
const AFTER_END_MS = 50;

let composing = false;
let justEnded = false;
let timer: ReturnType<typeof setTimeout> | undefined;

function onStart(): void {
  clearTimeout(timer);
  composing = true;
  justEnded = false;
}

function onEnd(): void {
  composing = false;
  justEnded = true;
  clearTimeout(timer);
  timer = setTimeout(() => {
    justEnded = false;
  }, AFTER_END_MS);
}

/** Listens on the window in the capture phase; returns the undo. */
export function installImeGuard(target: EventTarget = window): () => void {
  target.addEventListener('compositionstart', onStart, true);
  target.addEventListener('compositionend', onEnd, true);
  return () => {
    target.removeEventListener('compositionstart', onStart, true);
    target.removeEventListener('compositionend', onEnd, true);
    clearTimeout(timer);
    composing = false;
    justEnded = false;
  };
}

/** True while the text on screen is a proposal of the input method, not what the person typed. */
export function isComposing(): boolean {
  return composing;
}

/** True when a key event belongs to an input method and must be left alone. */
export function belongsToIme(event: KeyboardEvent): boolean {
  if (event.isComposing || event.keyCode === 229 || composing) return true;
  // Only the key that may have ended the composition is doubtful; Ctrl+K right after it is meant.
  const commits = event.key === 'Enter' || event.key === ' ' || event.key === 'Escape' || event.key === 'Tab';
  return justEnded && commits && !event.ctrlKey && !event.metaKey;
}
