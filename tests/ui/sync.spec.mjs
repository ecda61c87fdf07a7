// The sync centre in each of its states; the desk is real, its answer is not.
import { expect, test } from '@playwright/test';
import { openDesk } from './host.mjs';
import { demo, LANGUAGES, look, THEMES } from './screens.mjs';
import { checkScreen, listen } from './sound.mjs';
import { say, STATES } from './sync-states.mjs';

for (const theme of THEMES) {
  for (const language of LANGUAGES) {
    test(`every state of the sync centre is sound, ${theme}, ${language}`, async ({ page }) => {
      test.setTimeout(200_000);
      const noise = listen(page);
      const desk = await openDesk();
      try {
        await demo(desk);
        await look(desk, theme, language);
        for (const [name, state] of Object.entries(STATES)) {
          await page.unrouteAll();
          await say(page, state);
          await page.goto('about:blank');
          await page.goto(`${desk.url}/#/sync`);
          await expect(page.getByTestId('sync-link')).toBeVisible();
          await checkScreen(page, `sync ${name} ${theme} ${language}`, language, noise);
          const rows = page.locator(
            '[data-testid="sync-rows-row"], [data-testid="sync-waiting-row"], [data-testid="sync-document"]',
          );
          for (const row of await rows.all()) await expect(row.getByRole('button').first()).toBeEnabled();
        }
      } finally {
        await desk.close();
      }
    });
  }
}

test('the keyboard alone syncs, opens the conflict and saves the diagnostics', async ({ page }) => {
  const desk = await openDesk();
  try {
    await demo(desk);
    await say(page, STATES.conflict);
    await page.goto(`${desk.url}/#/sync`);
    await expect(page.getByTestId('sync-now')).toBeVisible();
    const now = page.waitForRequest('**/cmd/sync_now');
    await page.keyboard.press('F9');
    await now;
    await page.getByTestId('diagnostics-save').focus();
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('diagnostics-saved')).toContainText('unbind-desk-diagnostics');
    await page.getByTestId('open-conflicts').focus();
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(/#\/conflicts/);
  } finally {
    await desk.close();
  }
});

for (const theme of THEMES) {
  test(`what happened to the desk is told on every screen until somebody has seen it, ${theme}`, async ({ page }) => {
    const noise = listen(page);
    const desk = await openDesk();
    try {
      await demo(desk);
      await look(desk, theme, 'zh-CN');
      let alerts = STATES.alert.alerts;
      await page.route('**/cmd/app_status', async (route) => {
        const reply = await route.fetch();
        await route.fulfill({ response: reply, json: { ...(await reply.json()), alerts } });
      });
      await page.route('**/cmd/sync_act', async (route) => {
        expect(route.request().postDataJSON()).toEqual({ act: 'alert_seen', alert: 1 });
        alerts = [];
        await route.fulfill({ status: 200, json: await desk.ask('sync_status') });
      });
      await page.goto(`${desk.url}/#/workbench`);
      const banner = page.getByTestId('alert-banner');
      await expect(banner).toContainText('没有丢失任何内容');
      await checkScreen(page, `alert on the workbench ${theme}`, 'zh-CN', noise);
      await page.getByTestId('alert-seen').focus();
      await page.keyboard.press('Enter');
      await expect(banner).toHaveCount(0);
    } finally {
      await desk.close();
    }
  });
}

test('a stick that was written, a stick that fails, and receipts are told in words', async ({ page }) => {
  const noise = listen(page);
  const desk = await openDesk();
  try {
    await demo(desk);
    await say(page, STATES.usb);
    const written = { files: ['HZ001-A1-20261122-1.jbx'], ops: 12, documents: 1, bytes: 21 * 1024 * 1024 };
    await page.route('**/cmd/usb_export', (route) => route.fulfill({ status: 200, json: written }));
    await page.goto(`${desk.url}/#/sync`);
    await page.getByTestId('usb-export').focus();
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('usb-written')).toContainText('可以拔出');
    await checkScreen(page, 'usb written', 'zh-CN', noise);
    const params = {};
    const refusal = { code: 'bundle.for_another', message: '', field: null, retryable: false, incident: null, params };
    await page.route('**/cmd/usb_import', (route) => route.fulfill({ status: 400, json: refusal }));
    await page.getByTestId('usb-import').focus();
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('error')).toContainText('另一台电脑');
    noise.length = 0; // The browser notes every 400.
    await checkScreen(page, 'usb refused', 'zh-CN', noise);
  } finally {
    await desk.close();
  }
});
