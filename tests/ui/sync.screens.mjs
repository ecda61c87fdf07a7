// The sync centre's states for the album.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@playwright/test';
import { openDesk, root } from './host.mjs';
import { demo, look, THEMES } from './screens.mjs';
import { say, STATES } from './sync-states.mjs';

const folder = path.join(root, 'target/screens');

for (const theme of THEMES) {
  test(`sync centre, ${theme}`, async ({ page }) => {
    mkdirSync(folder, { recursive: true });
    const desk = await openDesk();
    try {
      await demo(desk);
      await look(desk, theme, 'zh-CN');
      for (const [name, state] of Object.entries(STATES)) {
        await page.unrouteAll();
        await say(page, state);
        await page.goto('about:blank');
        await page.goto(`${desk.url}/#/sync`);
        await expect(page.getByTestId('sync-link')).toBeVisible();
        await page.screenshot({
          path: path.join(folder, `${theme}-sync-${name}.png`),
        });
      }
    } finally {
      await desk.close();
    }
  });
}
