// Doubt and stopping: the agent reports what feels wrong on the phone; the merchant stops an unbind with one tap.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@playwright/test';
import { openDesk, openOffice, root } from './host.mjs';
import { demo, look, THEMES } from './screens.mjs';
import { checkScreen, listen } from './sound.mjs';

const folder = path.join(root, 'target/screens');
const PHONE = {
  viewport: { width: 360, height: 740 },
  isMobile: true,
  hasTouch: true,
  locale: 'zh-CN',
};
const TOKEN = 'abcdefghijklmnopqrstuvwxyz';
const WAITING = {
  request_id: 'test',
  state: 'waiting',
  heard: false,
  case_tail: '0012-K',
  terminal_tail: '00A7',
  execute_after: Date.UTC(2026, 10, 28, 2, 30),
};

test.beforeAll(() => mkdirSync(folder, { recursive: true }));

for (const theme of THEMES) {
  test(`a doubt is reported from the identity step and stays in sight, ${theme}`, async ({ page }) => {
    const noise = listen(page);
    const desk = await openDesk();
    try {
      const seen = await demo(desk);
      await look(desk, theme, 'zh-CN');
      await page.goto(`${desk.url}/#/case/${seen.states.draft}/identity`);
      const doubts = page.getByTestId('doubts');
      await expect(page.getByTestId('doubt-say')).toHaveCount(0);
      await page.getByTestId('doubt-under_pressure').check();
      await page.getByTestId('doubt-call_back_refused').check();
      await page.getByTestId('doubt-note').fill('旁边有人催（示例）');
      await checkScreen(page, `doubts ${theme}`, 'zh-CN', noise);
      await doubts.scrollIntoViewIfNeeded();
      await page.screenshot({
        path: path.join(folder, `${theme}-doubts.png`),
        fullPage: true,
      });
      await page.getByTestId('doubt-say').click();
      await expect(page.getByTestId('doubt-said')).toHaveCount(2);
      await expect(page.getByTestId('doubt-under_pressure')).toHaveCount(0);
      const after = await desk.ask('case_open', { case: seen.states.draft });
      expect(after.review.risk_signals).toEqual(['call_back_refused', 'under_pressure']);
      expect(after.review.risk_points).toBe(70);
      expect(after.notes.map((note) => note.text)).toContain('旁边有人催（示例）');
      await checkScreen(page, `doubts said ${theme}`, 'zh-CN', noise);
    } finally {
      await desk.close();
    }
  });

  test(`opening the link changes nothing, one tap stops it, a cut line says so, ${theme}`, async ({ browser }) => {
    const office = await openOffice();
    const context = await browser.newContext({ ...PHONE, colorScheme: theme });
    try {
      const phone = await context.newPage();
      const heard = listen(phone);
      let stopped = 0;
      await phone.route('**/v1/guest/stop/look', (route) => {
        expect(route.request().postDataJSON()).toEqual({ token: TOKEN });
        return route.fulfill({ json: WAITING });
      });
      await phone.route('**/v1/guest/stop', (route) => {
        stopped += 1;
        if (stopped === 1) return route.abort();
        return route.fulfill({
          json: { ...WAITING, state: 'stopped', heard: true },
        });
      });
      await phone.goto(`${office.url}/s#${TOKEN}`);
      const card = phone.locator('section.paper');
      await expect(card).toHaveAttribute('data-state', 'waiting');
      await expect(card).toContainText('00A7');
      await expect(card).toContainText('2026-11-28 10:30');
      await checkScreen(phone, `stop page ${theme}`, 'zh-CN', heard);
      await phone.screenshot({
        path: path.join(folder, `${theme}-phone-stop.png`),
        fullPage: true,
      });
      expect(stopped).toBe(0);
      await phone.locator('#stop').click();
      await expect(phone.locator('#told')).toContainText('网络不通');
      await expect(card).toHaveAttribute('data-state', 'waiting');
      await phone.locator('#stop').click();
      await expect(card).toHaveAttribute('data-state', 'stopped');
      await expect(phone.locator('#stop')).toHaveCount(0);
      await expect(phone.locator('#told')).toBeEmpty();
      await phone.screenshot({
        path: path.join(folder, `${theme}-phone-stopped.png`),
        fullPage: true,
      });
      await phone.locator('#language').click();
      await expect(card).toContainText('This unbind does not go on');
    } finally {
      await context.close();
      await office.close();
    }
  });
}

test('a link that is none says so, by the server itself', async ({ browser }) => {
  const office = await openOffice();
  const context = await browser.newContext(PHONE);
  try {
    const phone = await context.newPage();
    await phone.goto(`${office.url}/s#${TOKEN}`);
    await expect(phone.locator('#told')).toContainText('链接已失效');
    await phone.goto('about:blank');
    await phone.goto(`${office.url}/s`);
    await expect(phone.locator('#told')).toContainText('链接不对');
  } finally {
    await context.close();
    await office.close();
  }
});
