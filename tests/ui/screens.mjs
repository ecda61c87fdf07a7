// Every screen of the desk: its name and the way there. The tests look at each; the album photographs each.
import { expect } from '@playwright/test';

export const THEMES = ['light', 'dark'];
export const LANGUAGES = ['zh-CN', 'en'];
export const PASSPHRASE = '测试口令-correct-horse';
const STEPS = ['intake', 'identity', 'diagnosis', 'documents', 'form', 'submit'];

const by = (page, id) => page.getByTestId(id);

/** Shows a screen by its address, on a page that has just been loaded. */
async function at(page, url, hash) {
  await page.goto('about:blank');
  await page.goto(`${url}/#/${hash}`);
  await expect(page.locator('#main')).toBeVisible();
}

const place = (name, hash, sign) => ({
  name,
  open: async (page, url) => {
    await at(page, url, typeof hash === 'function' ? hash() : hash);
    await expect(sign(page).first()).toBeVisible();
  },
});

/** The demo desk's screens; `seen` holds the case, the merchant and the article to open. */
export function demoScreens(seen) {
  const steps = STEPS.map((step) =>
    place(`step-${step}`, `case/${seen.fresh}/${step}`, (page) =>
      page.locator(`[data-testid="step-${step}"][aria-current]`),
    ),
  );
  const overs = (name, key, id) => ({
    name,
    open: async (page, url) => {
      await at(page, url, 'workbench');
      await expect(by(page, 'queue-row').first()).toBeVisible();
      await page.keyboard.press(key);
      await expect(by(page, id)).toBeVisible();
    },
  });
  const states = Object.entries(seen.states).map(([state, id]) =>
    place(`workbench-${state}`, `workbench/${id}`, (page) => by(page, 'case-header')),
  );
  return [
    place('workbench', 'workbench', (page) => by(page, 'queue-row')),
    ...states,
    ...steps,
    place('calls', 'calls', (page) => page.locator('h1, h2')),
    place('merchants', 'merchants', (page) => by(page, 'merchant-search')),
    place('merchant', `merchants/${seen.merchant}`, (page) => by(page, 'merchant-card')),
    place('review', 'review', (page) => by(page, 'queue-row')),
    place('review-case', `review/${seen.review}`, (page) => by(page, 'decide')),
    place('knowledge', 'knowledge', (page) => by(page, 'article-row')),
    place('article', `knowledge/${seen.article}`, (page) => by(page, 'article')),
    place('supervisor', 'supervisor', (page) => by(page, 'supervisor-numbers')),
    place('sync', 'sync', (page) => by(page, 'sync-link')),
    place('notifications', 'notifications', (page) => page.locator('h1')),
    place('settings', 'settings', (page) => by(page, 'set-theme')),
    place('conflicts', 'conflicts', (page) => page.locator('h1')),
    overs('palette', 'Control+k', 'palette'),
    overs('cheat-sheet', '?', 'cheat-sheet'),
  ];
}

/** What stands before a desk: first start, the two forms. */
export const STARTS = [
  {
    name: 'first-start',
    open: async (page) => expect(by(page, 'first-start')).toBeVisible(),
  },
  {
    name: 'server-form',
    open: async (page) => {
      await by(page, 'start-server').click();
      await expect(by(page, 'start-form')).toBeVisible();
    },
  },
  {
    name: 'invited-form',
    open: async (page) => {
      await by(page, 'start-server').click();
      await by(page, 'start-way').click();
      await by(page, 'start-own-password').fill('short');
      await by(page, 'start-own-again').fill('other');
      await expect(by(page, 'start-invitation')).toBeVisible();
    },
  },
  {
    name: 'standalone-form',
    open: async (page) => {
      await by(page, 'start-alone').click();
      await expect(by(page, 'start-form')).toBeVisible();
    },
  },
];

/** Starts the demo and finds what to open. */
export async function demo(desk) {
  await desk.ask('setup_demo');
  const rows = [];
  for (let after = null; ;) {
    const page = await desk.ask('queue', { filter: 'all', after, limit: 50 });
    rows.push(...page.rows);
    after = page.next;
    if (after === null) break;
  }
  const states = Object.fromEntries(rows.map((row) => [row.state, row.id]));
  const fresh = (await desk.ask('case_new', { call_ref: null, channel: null })).id;
  const merchant = (await desk.ask('search', { query: '822290054110007' })).merchants[0].id;
  const article = (await desk.ask('knowledge_list'))[0].id;
  return { states, fresh, merchant, article, review: states.in_review };
}

/** Sets the look of a desk that is open. */
export async function look(desk, theme, language) {
  const { settings } = await desk.ask('app_status');
  await desk.ask('settings_set', { ...settings, theme, language });
}
