// The merchant photographs with the phone, the agent sees it while the call is still on: two real browsers, one server.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@playwright/test';
import { openDesk, openOffice, root } from './host.mjs';
import { look, PASSPHRASE, THEMES } from './screens.mjs';
import { checkScreen, listen } from './sound.mjs';

const folder = path.join(root, 'target/screens');
const LOGIN = 'agent1';
/** A small old phone. */
const PHONE = {
  viewport: { width: 360, height: 740 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
  locale: 'zh-CN',
  timezoneId: 'Asia/Shanghai',
  userAgent:
    'Mozilla/5.0 (Linux; Android 7.0; DEMO) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/59.0 Mobile Safari/537.36',
};
/** What the agent may wait for a photo that has come up. */
const SEEN_WITHIN_MS = 2000;

let office;
let desk;
test.beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  office = await openOffice();
  desk = await openDesk();
  await desk.ask('setup_server', {
    server_url: office.url,
    enrol_code: office.code(),
    login: LOGIN,
    password: `demo-${LOGIN}-请勿外用`,
    passphrase: PASSPHRASE,
  });
});
test.afterAll(async () => {
  await desk?.close();
  await office?.close();
});

/** A new case at its papers, with a link on screen; resolves to the link. */
async function linked(page) {
  const { id } = await desk.ask('case_new', { call_ref: null, channel: 'phone' });
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.goto('about:blank');
  await page.goto(`${desk.url}/#/case/${id}/documents`);
  const [made, error] = [page.getByTestId('link-made'), page.getByTestId('merchant-link').getByRole('alert')];
  // The case may be a moment behind on its way to the server: then the desk says so, and one asks again.
  await expect(async () => {
    await page.getByTestId('link-show').click();
    await expect(made.or(error)).toBeVisible();
    await expect(made).toBeVisible({ timeout: 100 });
  }).toPass();
  return page.getByTestId('link-address').textContent();
}

const idCard = async () => Buffer.from(await (await fetch(`${desk.url}/id-card`)).arrayBuffer());

/** The button of one paper on the phone. */
const shutter = (phone, kind) => phone.locator(`.paper[data-kind="${kind}"] input[capture]`);

for (const theme of THEMES) {
  test(`an ID photo from the phone is on the agent's desk within two seconds, ${theme}`, async ({ page, browser }) => {
    const noise = listen(page);
    await look(desk, theme, 'zh-CN');
    const address = await linked(page);
    expect(address).toMatch(/\/u#[a-z2-7]{26}$/);
    const context = await browser.newContext({ ...PHONE, colorScheme: theme });
    const phone = await context.newPage();
    const heard = listen(phone);
    await phone.goto(address);
    await expect(shutter(phone, 'id_card_front')).toBeAttached();
    await expect(page.getByTestId('link-state')).toContainText('商户已打开');
    await checkScreen(phone, `upload page, ${theme}`, 'zh-CN', heard);
    await phone.screenshot({ path: path.join(folder, `${theme}-phone-asked.png`), fullPage: true });

    const card = { name: 'IMG_0001.jpg', mimeType: 'image/jpeg', buffer: await idCard() };
    await shutter(phone, 'id_card_front').setInputFiles(card);
    const row = phone.locator('.file');
    await expect(row).toHaveAttribute('data-state', 'kept');
    const kept = Date.now();
    await expect(page.getByTestId('document-id_card_front')).toBeVisible();
    await expect(page.getByTestId('viewer-image')).toBeVisible();
    const seen = Date.now() - kept;
    console.log(`seen on the desk ${seen} ms after the phone was told "received"`);
    expect(seen).toBeLessThanOrEqual(SEEN_WITHIN_MS);
    await expect(page.getByTestId('document-id_card_front')).toContainText('商户手机上传');
    await expect(phone.locator('.paper[data-kind="id_card_front"] .chip')).toHaveText('已收到');
    await checkScreen(phone, `upload page with a photo, ${theme}`, 'zh-CN', heard);
    await checkScreen(page, `papers with a photo from the phone, ${theme}`, 'zh-CN', noise);
    await phone.screenshot({ path: path.join(folder, `${theme}-phone-received.png`), fullPage: true });
    await page.screenshot({ path: path.join(folder, `${theme}-desk-received.png`), fullPage: true });
    await context.close();
  });
}

test('a cut line goes on where it was, a wrong file is told, and an ended link says so', async ({ page, browser }) => {
  await look(desk, 'light', 'zh-CN');
  const address = await linked(page);
  const context = await browser.newContext(PHONE);
  const phone = await context.newPage();
  await phone.goto(address);
  const scan = Buffer.from(await (await fetch(`${desk.url}/scan?side=1200`)).arrayBuffer());
  let chunks = 0;
  await phone.route('**/chunks/*', async (route) => {
    chunks += 1;
    if (chunks === 3) await context.setOffline(true);
    await route.continue().catch(() => undefined);
  });
  await shutter(phone, 'id_card_front').setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: scan });
  const row = phone.locator('.file').first();
  await expect(row).toHaveAttribute('data-state', 'paused');
  await expect(row).toContainText('网络断开，恢复后自动继续');
  await expect(page.getByTestId('link-arriving')).toContainText('正在上传：身份证人像面');
  await phone.screenshot({ path: path.join(folder, 'phone-paused.png'), fullPage: true });
  await context.setOffline(false);
  await expect(row).toHaveAttribute('data-state', 'kept');
  // The cut cost what was under way and nothing else.
  expect(chunks).toBeLessThanOrEqual(Math.ceil(scan.length / (256 * 1024)) + 1);

  const words = { name: 'b.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('这不是照片') };
  await shutter(phone, 'id_card_back').setInputFiles(words);
  const refused = phone.locator('.paper[data-kind="id_card_back"] .file');
  await expect(refused).toHaveAttribute('data-state', 'refused');
  await expect(refused).toContainText('不支持这种文件，请直接拍照');
  await expect(page.getByTestId('link-arriving')).toContainText('没有收下：身份证国徽面');
  await phone.screenshot({ path: path.join(folder, 'phone-refused.png'), fullPage: true });

  await page.getByTestId('link-end').click();
  await page.getByTestId('link-end-do').click();
  await expect(page.getByTestId('link-made')).toHaveCount(0);
  await phone.reload();
  await expect(phone.locator('#told')).toContainText('链接已失效');
  await expect(phone.locator('.paper')).toHaveCount(0);
  await context.close();
});

test('number and code tell how far the case is, and nothing else', async ({ page, browser }) => {
  await look(desk, 'light', 'zh-CN');
  await linked(page);
  const code = await page.getByTestId('query-code').textContent();
  const number = (await page.locator('body').textContent()).match(/JB-\d{6}-[0-9A-Z]{5}-[0-9A-Z]{2}-[0-9A-Z]{4}-[0-9A-Z]/)[0];
  const context = await browser.newContext(PHONE);
  const phone = await context.newPage();
  const heard = listen(phone);
  await phone.goto(`${office.url}/p`);
  await phone.locator('#case-no').fill(number.toLowerCase().replace(/-/g, ' '));
  await phone.locator('#code').fill('00000000');
  await phone.locator('#go').click();
  await expect(phone.locator('#told')).toContainText('工单号或查询码不对');
  heard.splice(0);
  await phone.locator('#code').fill(code);
  await phone.locator('#go').click();
  await expect(phone.locator('[data-stage]')).toHaveAttribute('data-stage', 'collecting');
  await expect(phone.locator('[data-stage]')).toContainText('身份证人像面');
  await checkScreen(phone, 'progress page', 'zh-CN', heard);
  await phone.screenshot({ path: path.join(folder, 'phone-progress.png'), fullPage: true });
  await phone.locator('#language').click();
  await expect(phone.locator('h1')).toHaveText('How far is my case?');
  await checkScreen(phone, 'progress page in English', 'en', heard);
  await context.close();
});
