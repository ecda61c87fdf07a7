// An album: every screen in both themes, in the language of the office.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@playwright/test';
import { openDesk, root } from './host.mjs';
import { demo, demoScreens, look, PASSPHRASE, STARTS, THEMES } from './screens.mjs';

const folder = path.join(root, 'target/screens');
const shot = (page, theme, name) => page.screenshot({ path: path.join(folder, `${theme}-${name}.png`) });

test.beforeAll(() => mkdirSync(folder, { recursive: true }));

for (const theme of THEMES) {
  test(`demo desk, ${theme}`, async ({ page }) => {
    test.setTimeout(300_000);
    const desk = await openDesk();
    try {
      const seen = await demo(desk);
      await look(desk, theme, 'zh-CN');
      for (const screen of demoScreens(seen)) {
        await screen.open(page, desk.url);
        await shot(page, theme, screen.name);
      }
    } finally {
      await desk.close();
    }
  });

  test(`start and lock, ${theme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: theme });
    const desk = await openDesk();
    try {
      for (const screen of STARTS) {
        await page.goto(desk.url);
        await screen.open(page);
        await shot(page, theme, screen.name);
      }
      await desk.ask('setup_standalone', {
        office_name: '示例网点',
        name: '坐席示例',
        passphrase: PASSPHRASE,
      });
      await desk.ask('lock');
      await page.goto(desk.url);
      await expect(page.getByTestId('unlock-screen')).toBeVisible();
      await shot(page, theme, 'lock');
    } finally {
      await desk.close();
    }
  });
}
