import { afterEach, expect, it, vi } from 'vitest';
import { asUiError, call, onChanged } from '../src/lib/bridge';

afterEach(() => {
  delete window.__TAURI_INTERNALS__;
  vi.unstubAllGlobals();
});

const refused = { code: 'case.incomplete', message: '', field: null, retryable: false, incident: null, params: {} };

it('goes_through_tauri_when_its_internals_are_there', async () => {
  const invoke = vi.fn().mockResolvedValue({ phase: 'ready' });
  window.__TAURI_INTERNALS__ = { invoke, transformCallback: () => 1 };
  vi.stubGlobal('fetch', () => Promise.reject(new Error('must not be used')));
  await call('case_open', { case: 'c1' });
  expect(invoke).toHaveBeenCalledWith('case_open', { args: { case: 'c1' } });
});

it('goes_through_loopback_http_otherwise', async () => {
  const fetched = vi.fn().mockResolvedValue(new Response('{"id":"c1"}', { status: 200 }));
  vi.stubGlobal('fetch', fetched);
  expect(await call('case_open', { case: 'c1' })).toEqual({ id: 'c1' });
  expect(fetched.mock.calls[0]?.[0]).toBe('/cmd/case_open');
  expect((fetched.mock.calls[0]?.[1] as RequestInit).body).toBe('{"case":"c1"}');
});

it('rejects_with_the_error_of_the_host', async () => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify(refused), { status: 400 })));
  await expect(call('submit', { case: 'c1' })).rejects.toEqual(refused);
});

it('turns_silence_into_an_error_that_can_be_tried_again', () => {
  expect(asUiError(new TypeError('no connection'))).toMatchObject({ code: 'app.no_answer', retryable: true });
});

it('asks_for_events_after_the_last_one_heard', async () => {
  const urls: string[] = [];
  const heard: number[] = [];
  vi.stubGlobal('fetch', (url: string) => {
    urls.push(url);
    if (urls.length > 2) return new Promise(() => undefined);
    return Promise.resolve(
      new Response(
        JSON.stringify({ n: urls.length * 10, cases: [], sync: true, registry: false, locked: false, ringing: null }),
      ),
    );
  });
  const stop = onChanged((changed) => heard.push(changed.n));
  await vi.waitFor(() => expect(urls).toHaveLength(3));
  stop();
  expect(urls).toEqual(['/events?since=0', '/events?since=10', '/events?since=20']);
  expect(heard).toEqual([10, 20]);
});
