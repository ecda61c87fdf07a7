// The admin's place on the host of cardboard: every part, every dialog, both looks, both languages.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { expect, test } from '@playwright/test';
import { root } from './host.mjs';
import { LANGUAGES, THEMES } from './screens.mjs';
import { checkScreen, listen } from './sound.mjs';

const folder = path.join(root, 'target/screens');
const pages = path.join(root, 'ui/preview-dist');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.png': 'image/png' };

let server;
let url;
test.beforeAll(async () => {
  test.setTimeout(180_000);
  mkdirSync(folder, { recursive: true });
  const built = spawnSync('npm', ['run', 'preview'], { cwd: path.join(root, 'ui'), encoding: 'utf8' });
  if (built.status !== 0) throw new Error(built.stderr);
  server = createServer((request, reply) => {
    const file = path.join(pages, path.normalize(new URL(request.url, 'http://desk').pathname));
    try {
      const bytes = readFileSync(file);
      reply.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream' }).end(bytes);
    } catch {
      reply.writeHead(404).end();
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${server.address().port}/preview.html`;
});
test.afterAll(() => server?.close());

const by = (page, id) => page.getByTestId(id);

async function at(page, part, theme, language, role = 'admin') {
  await page.goto('about:blank');
  await page.goto(`${url}?role=${role}&theme=${theme}&lang=${language}#/admin/${part}`);
  await expect(by(page, 'nav-settings')).toBeVisible();
}

/** Each picture: the part it stands in, and the way there. */
const VIEWS = {
  people: ['people', async (page) => by(page, 'people-row').nth(2).click()],
  invited: ['people', async (page) => by(page, 'people-row').nth(1).click()],
  invite: [
    'people',
    async (page) => {
      await by(page, 'people-invite').click();
      await by(page, 'invite-name').fill('测试');
      for (const office of ['HZ001', 'HZ002']) await by(page, `invite-office-${office}`).check();
      await by(page, 'invite-employer-outsourcer').check();
      await expect(by(page, 'invite-at')).toBeVisible();
    },
  ],
  code: [
    'people',
    async (page) => {
      await by(page, 'people-row').first().click();
      await by(page, 'person-reset').click();
      await by(page, 'sure-do').click();
      await expect(by(page, 'once-code')).toBeVisible();
    },
  ],
  factor: [
    'people',
    async (page) => {
      await by(page, 'people-row').first().click();
      await by(page, 'person-set_factor').click();
      await by(page, 'sure-do').click();
      await expect(by(page, 'once-recovery')).toBeVisible();
    },
  ],
  leave: [
    'people',
    async (page) => {
      await by(page, 'people-row').first().click();
      await by(page, 'person-leave').click();
      await by(page, 'sure-do').click();
      await expect(by(page, 'once-desks')).toBeVisible();
    },
  ],
  nobody: [
    'people',
    async (page) => {
      await by(page, 'people-search').fill('没有');
      await expect(by(page, 'empty')).toBeVisible();
    },
  ],
  desks: ['desks', async (page) => expect(by(page, 'desk')).toHaveCount(5)],
  wipe: [
    'desks',
    async (page) => {
      await page.locator('[data-desk="HZ001-A2"]').getByTestId('desk-wipe').click();
      await by(page, 'wipe-pace-at_once').check();
    },
  ],
  offices: ['offices', async (page) => expect(by(page, 'office')).toHaveCount(3)],
  office: ['offices', async (page) => by(page, 'office-edit').nth(1).click()],
  policy: ['policy', async (page) => expect(by(page, 'policy-eases')).toBeVisible()],
  log: ['log', async (page) => expect(by(page, 'log-row')).toHaveCount(2)],
};

for (const theme of THEMES) {
  for (const language of LANGUAGES) {
    test(`every part of the admin's place is sound, ${theme}, ${language}`, async ({ page }) => {
      test.setTimeout(200_000);
      const noise = listen(page);
      await page.setViewportSize({ width: 1024, height: 700 });
      for (const [name, [part, way]] of Object.entries(VIEWS)) {
        await at(page, part, theme, language);
        await way(page);
        await checkScreen(page, `admin ${name} ${theme} ${language}`, language, noise);
        await page.screenshot({ path: path.join(folder, `${theme}-${language}-admin-${name}.png`) });
      }
    });
  }
}

test('the keyboard goes through the parts, the part is remembered, and a code stays until it was handed over', async ({
  page,
}) => {
  await at(page, 'people', 'light', 'zh-CN');
  await by(page, 'admin-tab-people').focus();
  await page.keyboard.press('ArrowRight');
  await expect(by(page, 'admin-tab-desks')).toBeFocused();
  await by(page, 'nav-workbench').click();
  await by(page, 'nav-admin').click();
  await expect(by(page, 'admin-tab-desks')).toHaveAttribute('aria-selected', 'true');
  await by(page, 'desks-make').focus();
  await page.keyboard.press('Enter');
  await by(page, 'make-office').selectOption('HZ001');
  await by(page, 'make-do').focus();
  await page.keyboard.press('Enter');
  await expect(by(page, 'once-code')).toBeVisible();
  for (let i = 0; i < 3; i += 1) await page.keyboard.press('Escape');
  await page.mouse.click(5, 5);
  await expect(by(page, 'once-code')).toBeVisible();
  await by(page, 'once-close').click();
  await expect(by(page, 'once-code')).toHaveCount(0);
});

test('who is no admin finds no such place', async ({ page }) => {
  await at(page, 'people', 'light', 'zh-CN', 'agent');
  await expect(by(page, 'nav-admin')).toHaveCount(0);
  await expect(by(page, 'people-search')).toHaveCount(0);
});
