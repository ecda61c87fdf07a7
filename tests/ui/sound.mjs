// What every screen owes: quiet console, words inside their buttons, the office's language, axe.
import { expect } from '@playwright/test';
import { checkAccessibility } from './axe.mjs';

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

/** Nothing on the console, nothing cut off, no stray Latin, nothing serious for axe. */
export async function checkScreen(page, where, language, noise) {
  await expect(page.locator('html')).toHaveAttribute('lang', language);
  await page.waitForTimeout(150);
  expect.soft(noise.splice(0), `${where}: console`).toEqual([]);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect.soft(over, `${where}: wider than the window`).toBeLessThanOrEqual(0);
  expect.soft(await spilling(page), `${where}: words out of their button`).toEqual([]);
  if (language === 'zh-CN') expect.soft([...new Set(await latinWords(page))], `${where}: Latin words`).toEqual([]);
  await checkAccessibility(page, where);
}

/** Collects what the page complains about. */
export function listen(page) {
  const noise = [];
  page.on('console', (message) => {
    if (message.type() === 'error') noise.push(message.text());
  });
  page.on('pageerror', (error) => noise.push(String(error)));
  return noise;
}
