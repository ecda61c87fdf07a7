// Every screen, both themes, both languages: nothing serious for axe, nothing on the console, nothing cut off, and no
// English where the office reads Chinese.
import { expect, test } from '@playwright/test';
import { checkAccessibility } from './axe.mjs';
import { openDesk } from './host.mjs';
import { demo, demoScreens, LANGUAGES, look, PASSPHRASE, STARTS, THEMES } from './screens.mjs';

/** Latin words that a Chinese office reads every day; everything with a digit in it is a code. */
const LATIN =
  /^(?:Ctrl|Alt|Shift|Enter|Esc|Tab|POS|SN|TUSN|PDF|JPG|JPEG|PNG|WebP|MB|KB|GB|APP|px|English|demo|DEMO|JB|HZ|HQ|MADEM|[A-Z])$/;

/** Latin words that a person sees or a screen reader says, outside keys and codes. */
async function latinWords(page) {
  const said = await page.evaluate(() => {
    const texts = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const parent = node.parentElement;
      if (!parent || parent.closest('kbd, script, style, [lang="en"], [lang="zxx"]')) continue;
      if (parent.checkVisibility({ visibilityProperty: true })) texts.push(node.data);
    }
    for (const name of ['placeholder', 'aria-label', 'title', 'alt']) {
      for (const one of document.querySelectorAll(`[${name}]`)) {
        if (one.checkVisibility() && !one.closest('[lang="en"]')) texts.push(one.getAttribute(name));
      }
    }
    return texts;
  });
  return said
    .flatMap((text) => text.replace(/https?:\/\/\S+/g, '').match(/[A-Za-z0-9_.-]*[A-Za-z][A-Za-z0-9_.-]*/g) ?? [])
    .filter((word) => !/\d/.test(word) && !LATIN.test(word.replace(/[.-]+$/, '')));
}

/** Buttons whose words stand outside them. */
async function spilling(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll('button')]
      .filter((button) => button.checkVisibility() && getComputedStyle(button).overflowX === 'visible')
      .filter((button) => button.scrollWidth > button.clientWidth + 1)
      .map((button) => `${button.dataset.testid ?? ''} ${button.textContent.trim().slice(0, 40)}`),
  );
}

async function checkScreen(page, where, language, noise) {
  await expect(page.locator('html')).toHaveAttribute('lang', language);
  await page.waitForTimeout(150);
  expect.soft(noise.splice(0), `${where}: console`).toEqual([]);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect.soft(over, `${where}: wider than the window`).toBeLessThanOrEqual(0);
  expect.soft(await spilling(page), `${where}: words out of their button`).toEqual([]);
  if (language === 'zh-CN') expect.soft([...new Set(await latinWords(page))], `${where}: Latin words`).toEqual([]);
  await checkAccessibility(page, where);
}

function listen(page) {
  const noise = [];
  page.on('console', (message) => {
    if (message.type() === 'error') noise.push(message.text());
  });
  page.on('pageerror', (error) => noise.push(String(error)));
  return noise;
}

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
