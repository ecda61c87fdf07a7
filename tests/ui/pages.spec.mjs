// Every screen, both themes, both languages: nothing serious for axe, nothing on the console, nothing cut off, and no
// English where the office reads Chinese.
import { expect, test } from '@playwright/test';
import { openDesk } from './host.mjs';
import { demo, demoScreens, LANGUAGES, look, PASSPHRASE, STARTS, THEMES } from './screens.mjs';
import { checkScreen, listen } from './sound.mjs';

test.describe('screens', () => {
  for (const theme of THEMES) {
    for (const language of LANGUAGES) {
      test(`every screen of the demo desk is sound, ${theme}, ${language}`, async ({ page }) => {
        test.setTimeout(300_000);
        const noise = listen(page);
        const desk = await openDesk();
        try {
          const seen = await demo(desk);
          await look(desk, theme, language);
          for (const screen of demoScreens(seen)) {
            await screen.open(page, desk.url);
            await checkScreen(page, `${screen.name} ${theme} ${language}`, language, noise);
          }
        } finally {
          await desk.close();
        }
      });

      test(`start and lock are sound, ${theme}, ${language}`, async ({ page }) => {
        const noise = listen(page);
        await page.emulateMedia({ colorScheme: theme });
        const desk = await openDesk();
        try {
          for (const screen of STARTS) {
            await page.goto(desk.url);
            await expect(page.getByTestId('first-start')).toBeVisible();
            if (language === 'en') await page.getByTestId('toggle-language').click();
            await screen.open(page);
            await checkScreen(page, `${screen.name} ${theme} ${language}`, language, noise);
          }
          await desk.ask('setup_standalone', {
            office_name: '示例网点',
            name: '坐席示例',
            passphrase: PASSPHRASE,
          });
          await look(desk, theme, language);
          await page.goto(desk.url);
          await page.getByTestId('lock').click();
          await expect(page.getByTestId('unlock-screen')).toBeVisible();
          await page.waitForTimeout(500);
          noise.length = 0; // A question that was on its way when the desk was shut is answered 400.
          await checkScreen(page, `lock ${theme} ${language}`, language, noise);
        } finally {
          await desk.close();
        }
      });
    }
  }
});
