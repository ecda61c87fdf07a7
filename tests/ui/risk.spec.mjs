// What a machine has noticed is told in words where people decide, and nobody is asked to do by hand what the server does.
import { expect, test } from '@playwright/test';
import { openDesk } from './host.mjs';
import { demo, look, THEMES } from './screens.mjs';
import { checkScreen, listen } from './sound.mjs';

/** Answers of a command, changed on their way to the page. */
async function changed(page, command, change) {
  await page.route(`**/cmd/${command}`, async (route) => {
    const reply = await route.fetch();
    const body = await reply.json();
    if (reply.ok()) change(body);
    await route.fulfill({ response: reply, json: body });
  });
}

for (const theme of THEMES) {
  test(`risk says why, a terminal that lives on is told, and the connector keeps hands off, ${theme}`, async ({
    page,
  }) => {
    test.setTimeout(120_000);
    const noise = listen(page);
    const desk = await openDesk();
    try {
      const seen = await demo(desk);
      await look(desk, theme, 'zh-CN');
      await changed(page, 'review_open', ({ case: screen }) => {
        screen.review.risk_points = 75;
        screen.review.risk_signals = ['phone_changed_recently', 'picture_reused', 'several_unbinds'];
        screen.review.risk_cleared = false;
      });
      await page.goto(`${desk.url}/#/review/${seen.review}`);
      const risk = page.getByTestId('risk');
      for (const words of ['风险分 75', '登记手机号在 30 天内换过', '有照片在别的工单里用过', '多次申请解绑']) {
        await expect(risk).toContainText(words);
      }
      await checkScreen(page, `risk ${theme}`, 'zh-CN', noise);

      await changed(page, 'case_open', (screen) => {
        if (screen.state === 'unbound') screen.review.risk_signals = ['traded_after_unbind'];
        if (screen.execution && screen.state === 'executing') screen.execution.by_connector = true;
      });
      await page.goto('about:blank');
      await page.goto(`${desk.url}/#/workbench/${seen.states.unbound}`);
      await expect(page.getByTestId('ghost')).toContainText('解绑后仍有交易');
      await checkScreen(page, `ghost ${theme}`, 'zh-CN', noise);

      await page.goto('about:blank');
      await page.goto(`${desk.url}/#/workbench/${seen.states.executing}`);
      await expect(page.getByTestId('execute-panel')).toContainText('服务器通过执行接口办理');
      await checkScreen(page, `connector ${theme}`, 'zh-CN', noise);
    } finally {
      await desk.close();
    }
  });
}
