// A scan of 20 MB over a line of 50 kbit/s that stalls and breaks: what the sync centre shows is what the server has.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@playwright/test';
import { openDesk, openOffice, root } from './host.mjs';
import { look, PASSPHRASE } from './screens.mjs';
import { checkScreen, listen } from './sound.mjs';

const folder = path.join(root, 'target/screens');
const LOGIN = 'agent1';
/** 50 kbit/s, and a pause of two seconds after every 40 KB. */
const VILLAGE = { bytes_per_s: 6_250, stall_ms: 2_000 };
/** Fast enough for a test, slow enough to be watched. */
const TOWN = { bytes_per_s: 2_000_000, stall_ms: 0 };
const CHUNK = 1024 * 1024;
/** Chunks on their way at once. */
const IN_FLIGHT = 3;

/** A desk behind the line, signed in, with a case that has the scan. */
async function sending(desk, office) {
  const change = async (what) => {
    const headers = { 'content-type': 'application/json' };
    const reply = await fetch(`${desk.url}/line`, { method: 'POST', headers, body: JSON.stringify(what) });
    return reply.json();
  };
  const line = await (await fetch(`${desk.url}/line`)).json();
  await desk.ask('setup_server', {
    server_url: line.url,
    enrol_code: office.code(),
    login: LOGIN,
    password: `demo-${LOGIN}-请勿外用`,
    passphrase: PASSPHRASE,
  });
  const { id } = await desk.ask('case_new', { call_ref: null, channel: 'phone' });
  const scan = Buffer.from(await (await fetch(`${desk.url}/scan`)).arrayBuffer());
  expect(scan.length).toBeGreaterThan(19_900_000);
  await change(TOWN);
  const add = { case: id, kind: 'other', name: '扫描件.png', bytes: scan.toString('base64'), replaces: null };
  await desk.ask('document_add', add);
  return { change, size: scan.length, before: (await change({})).up };
}

test('20 MB over a slow line that breaks arrive, and the sync centre tells the truth on the way', async ({ page }) => {
  test.setTimeout(150_000);
  mkdirSync(folder, { recursive: true });
  const noise = listen(page);
  const office = await openOffice();
  const desk = await openDesk(undefined, ['--line-to', office.url]);
  try {
    const { change, size, before } = await sending(desk, office);
    await look(desk, 'light', 'zh-CN');
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.goto(`${desk.url}/#/sync`);
    const row = page.getByTestId('sync-document');
    await expect(row).toHaveAttribute('data-state', 'sending');
    const percent = async () => Number(await row.getAttribute('data-percent'));
    await expect.poll(percent, { timeout: 40_000 }).toBeGreaterThan(25);

    // On the slow line nothing is claimed that has not passed it, and the page says how far it is.
    await change(VILLAGE);
    await page.waitForTimeout(3_000);
    const shown = await percent();
    const { up } = await change({});
    expect((shown / 100) * size).toBeLessThanOrEqual(up - before + CHUNK / 100);
    expect(shown).toBeLessThan(100);
    await expect(row).toContainText(`${shown} %`);
    await expect(page.getByTestId('sync-badge')).toHaveAttribute('data-state', 'sending');
    await checkScreen(page, 'sync centre on a slow line', 'zh-CN', noise);
    await page.screenshot({ path: path.join(folder, 'sync-centre.png') });

    // The line breaks: the desk says so, and what is confirmed stays confirmed.
    await change({ cut_now: true });
    await page.waitForTimeout(1_500);
    expect(await percent()).toBeGreaterThanOrEqual(shown);
    await page.screenshot({ path: path.join(folder, 'sync-centre-cut.png') });

    await change({ bytes_per_s: 0 });
    await expect(row).toHaveCount(0, { timeout: 60_000 });
    await expect(page.getByTestId('sync-badge')).toHaveAttribute('data-state', 'synced');
    const all = (await change({})).up - before;
    expect(all).toBeLessThanOrEqual(size + IN_FLIGHT * CHUNK + CHUNK / 4);
    await page.screenshot({ path: path.join(folder, 'sync-centre-done.png') });
  } finally {
    await desk.close();
    await office.close();
  }
});
