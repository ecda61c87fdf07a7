import { render, screen, waitFor, within } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, it } from 'vitest';
import App from '../src/App.svelte';
import { namesDesk, onlineError } from '../src/lib/admin.svelte';
import { session } from '../src/lib/session.svelte';
import { personState } from '../src/screens/admin/person';
import { branches, under } from '../src/screens/admin/tree';
import { error, install, type MockHost } from './mock-host';

async function open(hash: string, role = 'admin'): Promise<MockHost> {
  location.hash = hash;
  const host = install({ role });
  render(App);
  await waitFor(() => expect(session.status).not.toBeNull());
  return host;
}
const acts = (host: MockHost): unknown[] =>
  host.calls.filter((made) => made.command === 'admin_act').map((made) => made.args);

beforeEach(() => {
  session.status = null;
  session.spec = null;
  session.desksWaiting = 0;
});
afterEach(() => {
  delete window.__TAURI_INTERNALS__;
});

it('offices_stand_under_their_own_and_a_ring_loses_nobody', () => {
  const office = (code: string, parent: string | null) => ({ code, parent });
  const tree = [office('C', 'B'), office('A', 'ELSE'), office('B', 'A')];
  expect(branches(tree)).toEqual([
    { code: 'A', depth: 0 },
    { code: 'B', depth: 1 },
    { code: 'C', depth: 2 },
  ]);
  expect([...under(tree, 'B')].sort()).toEqual(['B', 'C']);
  expect(branches([office('X', 'Y'), office('Y', 'X')]).map((one) => one.code)).toEqual(['X', 'Y']);
});

it('a_desk_is_named_by_office_and_code_and_by_nothing_shorter', () => {
  const desk = { office: 'HZ001', device_code: 'A1' };
  for (const typed of ['HZ001-A1', ' hz001 a1', 'ＨＺ001A1']) expect(namesDesk(desk, typed)).toBe(true);
  for (const typed of ['', 'A1', 'HZ001', 'HZ001-A2']) expect(namesDesk(desk, typed)).toBe(false);
});

it('an_account_stands_as_its_invitation_and_password_say', () => {
  const invitation = { is_reset: false, office: 'HZ001', expires_at: 100 };
  expect(personState({ active: true, settled: true, invitation: null }, 0)).toBe('active');
  expect(personState({ active: true, settled: false, invitation }, 99)).toBe('invited');
  expect(personState({ active: true, settled: false, invitation }, 100)).toBe('lapsed');
  expect(personState({ active: true, settled: false, invitation: null }, 0)).toBe('unset');
  expect(personState({ active: false, settled: true, invitation }, 0)).toBe('disabled');
});

it('troubles_of_the_line_can_be_tried_again_and_refusals_stay_what_they_are', () => {
  expect(onlineError(error('sync.offline'))).toMatchObject({ code: 'admin.offline', retryable: true });
  expect(onlineError(error('admin.login_taken'))).toMatchObject({ code: 'admin.login_taken', retryable: false });
});

it('only_an_admin_sees_the_place_and_the_desks_that_wait_are_counted', async () => {
  await open('#/admin', 'agent');
  expect(await screen.findByTestId('nav-workbench')).toBeTruthy();
  expect(screen.queryByTestId('nav-admin')).toBeNull();
  expect(screen.queryByTestId('admin-tab-people')).toBeNull();
});

it('a_new_colleague_is_invited_and_the_code_does_not_go_by_escape', async () => {
  const host = await open('#/admin/people');
  expect((await screen.findByTestId('nav-admin-count')).textContent).toBe('2');
  await userEvent.click(await screen.findByTestId('people-invite'));
  const go = screen.getByTestId<HTMLButtonElement>('invite-do');
  await userEvent.type(screen.getByTestId('invite-name'), '新同事');
  await userEvent.type(screen.getByTestId('invite-login'), 'agent9');
  expect(go.disabled).toBe(true);
  await userEvent.click(screen.getByTestId('invite-role-agent'));
  await userEvent.click(screen.getByTestId('invite-office-HZ001'));
  host.failing.set('admin_act', error('sync.offline'));
  await userEvent.click(go);
  const note = await within(screen.getByTestId('invite')).findByTestId('error');
  expect(note.textContent).toContain('联系不上服务器');
  expect(screen.getByTestId<HTMLInputElement>('invite-name').value).toBe('新同事');
  host.failing.delete('admin_act');
  await userEvent.click(screen.getByTestId('error-retry'));
  const once = await screen.findByTestId('admin-once');
  expect(once.textContent).toContain('新同事');
  expect(acts(host).at(-1)).toEqual({
    act: 'invite',
    login: 'agent9',
    name: '新同事',
    roles: ['agent'],
    employer: 'acquirer',
    offices: ['HZ001'],
    office: 'HZ001',
  });
  once.dispatchEvent(new Event('cancel', { cancelable: true }));
  expect(screen.queryByTestId('once-code')).not.toBeNull();
  await userEvent.click(screen.getByTestId('once-close'));
  await waitFor(() => expect(screen.queryByTestId('once-code')).toBeNull());
});

it('a_wipe_needs_a_reason_and_the_name_of_the_desk', async () => {
  const host = await open('#/admin/desks');
  const card = (await screen.findAllByTestId('desk')).find((one) => one.dataset['desk'] === 'HZ001-A2');
  if (!card) throw new Error('the desk is not there');
  await userEvent.click(within(card).getByTestId('desk-wipe'));
  const go = screen.getByTestId<HTMLButtonElement>('wipe-do');
  expect(screen.getByTestId('wipe-lost').textContent).toContain('不丢内容');
  await userEvent.click(screen.getByTestId('wipe-pace-at_once'));
  expect(screen.getByTestId('wipe-lost').textContent).toContain('永久丢失');
  await userEvent.type(screen.getByTestId('wipe-reason'), '设备遗失');
  await userEvent.type(screen.getByTestId('wipe-name'), 'HZ001-A');
  expect(go.disabled).toBe(true);
  await userEvent.type(screen.getByTestId('wipe-name'), '2');
  await userEvent.click(go);
  expect(acts(host)).toEqual([{ act: 'wipe', device: 'd-A2', pace: 'at_once', reason: '设备遗失' }]);
});

it('a_desk_whose_code_one_made_is_not_approved_by_oneself', async () => {
  const host = await open('#/admin/desks');
  const cards = await screen.findAllByTestId('desk');
  expect(screen.getAllByTestId('desk-approve')).toHaveLength(1);
  expect(within(cards[1] as HTMLElement).getByTestId('desk-barred').textContent).toContain('另一位管理员');
  await userEvent.click(screen.getByTestId('desk-approve'));
  expect(acts(host)).toEqual([{ act: 'approve', device: 'd-B3' }]);
});
