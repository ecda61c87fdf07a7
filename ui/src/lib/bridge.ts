/**
 * The only door to the host. Two transports: Tauri IPC, and (development and tests only) loopback HTTP to the same
 * command handlers. Which one is decided by the presence of Tauri's internals, nothing else.
 */
import type { ArgsOf, Command, ResultOf } from './commands';
import type { Changed, UiError } from './dto';

interface TauriInternals {
  invoke(command: string, args?: Record<string, unknown>): Promise<unknown>;
  transformCallback(callback: (event: { payload: unknown }) => void): number;
}

declare global {
  interface Window {
    __TAURI_INTERNALS__?: TauriInternals;
  }
}

const RETRY_MS = 1000;

function isUiError(value: unknown): value is UiError {
  return typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'string';
}

/** Whatever was thrown, in the shape that the screens show. */
export function asUiError(thrown: unknown): UiError {
  if (isUiError(thrown)) return thrown;
  const message = thrown instanceof Error ? thrown.message : 'no answer from the host';
  return { code: 'app.no_answer', message, field: null, retryable: true, incident: null, params: {} };
}

async function overHttp(command: string, args: unknown): Promise<unknown> {
  const reply = await fetch(`/cmd/${command}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(args),
  });
  const body: unknown = await reply.json();
  if (!reply.ok) throw asUiError(body);
  return body;
}

/** Runs one command of the host; rejects with a `UiError`. */
export async function call<C extends Command>(command: C, args: ArgsOf<C>): Promise<ResultOf<C>> {
  const tauri = window.__TAURI_INTERNALS__;
  try {
    return (await (tauri ? tauri.invoke(command, { args }) : overHttp(command, args))) as ResultOf<C>;
  } catch (thrown) {
    throw asUiError(thrown);
  }
}

function listenTauri(tauri: TauriInternals, hear: (changed: Changed) => void): () => void {
  const handler = tauri.transformCallback((event) => hear(event.payload as Changed));
  const target = { kind: 'Any' };
  const registered = tauri.invoke('plugin:event|listen', { event: 'changed', target, handler });
  registered.catch(() => undefined);
  return () => {
    registered
      .then((eventId) => tauri.invoke('plugin:event|unlisten', { event: 'changed', eventId }))
      .catch(() => undefined);
  };
}

function listenHttp(hear: (changed: Changed) => void): () => void {
  const stop = new AbortController();
  let since = 0;
  const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
  const once = async (): Promise<void> => {
    const reply = await fetch(`/events?since=${since}`, { signal: stop.signal });
    const changed = reply.status === 200 ? ((await reply.json()) as Changed | null) : null;
    if (changed === null) return reply.ok ? undefined : wait(RETRY_MS);
    since = changed.n;
    hear(changed);
  };
  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) await once().catch(() => wait(RETRY_MS));
  };
  void loop();
  return () => stop.abort();
}

/** Hears of every change under the interface; returns the undo. */
export function onChanged(hear: (changed: Changed) => void): () => void {
  const tauri = window.__TAURI_INTERNALS__;
  return tauri ? listenTauri(tauri, hear) : listenHttp(hear);
}
