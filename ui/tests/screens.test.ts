import { render, screen, waitFor } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import App from '../src/App.svelte';
import { CaseDesk } from '../src/lib/case.svelte';
import { opening } from '../src/lib/opening.svelte';
import { ReviewWork } from '../src/lib/review.svelte';
import { session } from '../src/lib/session.svelte';
import { toasts } from '../src/lib/toast.svelte';
import { aCase, aReview } from './mock-data';
import { error, install, type MockHost, type MockOptions } from './mock-host';

async function open(hash: string, options: Partial<MockOptions> = {}): Promise<MockHost> {
  location.hash = hash;
  const host = install(options);
  render(App);
  await waitFor(() => expect(session.status).not.toBeNull());
  return host;
}
const said = (host: MockHost, command: string): unknown[] =>
  host.calls.filter((made) => made.command === command).map((made) => made.args);

beforeEach(() => {
  session.status = null;
  session.spec = null;
  session.changed = null;
  opening.desk = new CaseDesk();
});
afterEach(() => {
  vi.useRealTimers();
  delete window.__TAURI_INTERNALS__;
});

it('first_start_offers_three_ways_and_the_demo_is_one_click', async () => {
  const host = await open('', { phase: 'first_run' });
  expect(await screen.findByTestId('start-server')).toBeTruthy();
  expect(screen.getByTestId('start-alone')).toBeTruthy();
  await userEvent.click(screen.getByTestId('start-demo'));
  expect(said(host, 'setup_demo')).toHaveLength(1);
  expect(await screen.findByTestId('nav-workbench')).toBeTruthy();
});

it('wrong_passphrase_says_what_happened_and_empties_the_box', async () => {
  const host = await open('', { phase: 'locked' });
  host.failing.set('unlock', error('vault.wrong_passphrase'));
  const box = await screen.findByTestId<HTMLInputElement>('unlock-passphrase');
  await userEvent.type(box, 'not the right one');
  await userEvent.click(screen.getByTestId('unlock'));
  expect((await screen.findByTestId('error')).textContent).toContain('口令不对');
  expect(box.value).toBe('');
});

it('a_second_factor_is_asked_for_only_when_the_server_says_so_and_is_not_remembered', async () => {
  const host = await open('', { phase: 'first_run' });
  await userEvent.click(await screen.findByTestId('start-server'));
  expect(screen.queryByTestId('start-factor')).toBeNull();
  for (const [name, text] of [
    ['server_url', 'https://desk.example.invalid'],
    ['enrol_code', 'ABCDEFGHJKLMNPQRSTUVWXYZ23'],
    ['login', 'reviewer1'],
    ['password', 'a made up password'],
    ['passphrase', 'a made up passphrase'],
    ['again', 'a made up passphrase'],
  ] as const)
    await userEvent.type(screen.getByTestId(`start-${name}`), text);
  host.failing.set('setup_server', error('auth.totp_required'));
  await userEvent.click(screen.getByTestId('start-finish'));
  expect((await screen.findByTestId('error')).textContent).toContain('还需要动态码');
  const box = await screen.findByTestId<HTMLInputElement>('start-factor');
  expect(document.activeElement).toBe(box);
  expect(screen.getByTestId<HTMLButtonElement>('start-finish').disabled).toBe(true);
  host.failing.set('setup_server', error('auth.totp_wrong'));
  await userEvent.type(box, '０００000{Enter}');
  await waitFor(() => expect(box.value).toBe(''));
  host.failing.delete('setup_server');
  await userEvent.type(box, '123456{Enter}');
  expect(await screen.findByTestId('nav-workbench')).toBeTruthy();
  const sent = said(host, 'setup_server').map((args) => (args as { totp: string | null }).totp);
  expect(sent).toEqual([null, '000000', '123456']);
});

it('a_new_colleague_chooses_a_password_by_a_code_and_is_told_the_login', async () => {
  const host = await open('', { phase: 'first_run' });
  await userEvent.click(await screen.findByTestId('start-server'));
  await userEvent.click(screen.getByTestId('start-way'));
  expect(screen.queryByTestId('start-login')).toBeNull();
  const code = 'ABCDEFGHJKLMNPQRSTUVWXYZ23';
  for (const [name, text] of [
    ['server_url', 'https://desk.example.invalid'],
    ['enrol_code', code],
    ['invitation', ` ${code} `],
    ['own-password', 'too short'],
    ['own-again', 'too short'],
    ['passphrase', 'a long enough one'],
    ['again', 'a long enough one'],
  ] as const)
    await userEvent.type(screen.getByTestId(`start-${name}`), text);
  const go = screen.getByTestId<HTMLButtonElement>('start-finish');
  expect(go.disabled).toBe(true);
  await userEvent.type(screen.getByTestId('start-own-password'), ' no more');
  expect(go.disabled).toBe(true);
  await userEvent.type(screen.getByTestId('start-own-again'), ' no more');
  await userEvent.click(go);
  expect(await screen.findByTestId('nav-workbench')).toBeTruthy();
  expect(said(host, 'setup_server')).toMatchObject([
    { login: '', password: 'too short no more', invitation: code, passphrase: 'a long enough one' },
  ]);
  expect(screen.getByTestId('toasts').textContent).toContain('您的登录名是');
});

it('a_code_that_is_refused_says_what_to_do_and_keeps_what_was_typed', async () => {
  const host = await open('#/settings');
  await userEvent.click(await screen.findByTestId('open-sign-in'));
  await userEvent.click(screen.getByTestId('sign-in-way'));
  host.failing.set('sign_in', error('invitation.code_wrong'));
  for (const name of ['own-password', 'own-again'] as const)
    await userEvent.type(screen.getByTestId(`sign-in-${name}`), 'a long enough one');
  await userEvent.type(screen.getByTestId('sign-in-invitation'), 'WRONG');
  await userEvent.click(screen.getByTestId('sign-in-do'));
  expect((await screen.findByTestId('error')).textContent).toContain('邀请码不对');
  expect(screen.getByTestId<HTMLInputElement>('sign-in-own-again').value).toBe('a long enough one');
  host.failing.delete('sign_in');
  await userEvent.click(screen.getByTestId('sign-in-do'));
  await waitFor(() => expect(screen.queryByTestId('sign-in-dialog')).toBeNull());
  expect(said(host, 'sign_in')).toHaveLength(2);
  expect(said(host, 'sign_in')[1]).toMatchObject({ login: '', invitation: 'WRONG', passphrase: null });
});

it('the_organisations_account_is_used_in_the_browser_and_asks_for_no_password', async () => {
  const host = await open('#/settings');
  await userEvent.click(await screen.findByTestId('open-sign-in'));
  host.failing.set('sign_in', error('oidc.not_bound'));
  await userEvent.click(screen.getByTestId('sign-in-provider'));
  expect((await screen.findByTestId('error')).textContent).toContain('邀请码');
  await userEvent.click(screen.getByTestId('sign-in-way'));
  await userEvent.type(screen.getByTestId('sign-in-invitation'), 'CODE');
  host.failing.set('sign_in', error('session.passphrase_needed'));
  await userEvent.click(screen.getByTestId('sign-in-provider'));
  await userEvent.type(await screen.findByTestId('sign-in-passphrase'), 'a long enough one');
  host.failing.delete('sign_in');
  await userEvent.click(screen.getByTestId('sign-in-provider'));
  await waitFor(() => expect(screen.queryByTestId('sign-in-dialog')).toBeNull());
  const none = { login: '', password: '', totp: null, provider: true };
  expect(said(host, 'sign_in')).toEqual([
    { ...none, invitation: null, passphrase: null },
    { ...none, invitation: 'CODE', passphrase: null },
    { ...none, invitation: 'CODE', passphrase: 'a long enough one' },
  ]);
});

it('every_key_is_on_disk_within_250_ms_without_waiting_for_blur', async () => {
  const host = install();
  const desk = new CaseDesk();
  desk.adopt(aCase('draft'));
  vi.useFakeTimers();
  desk.type('request.words', '机');
  desk.type('request.words', '机器');
  await vi.advanceTimersByTimeAsync(250);
  expect(said(host, 'draft_put')).toEqual([{ case: 'c1', field: 'request.words', raw: '机器' }]);
});

it('a_refused_value_stays_on_screen_with_its_reason', async () => {
  const host = install();
  host.failing.set('field_set', error('field.length'));
  const desk = new CaseDesk();
  desk.adopt(aCase('draft'));
  desk.type('merchant.no', '8222');
  expect(await desk.commit('merchant.no')).toBe(false);
  expect(desk.text('merchant.no')).toBe('8222');
  expect(desk.local['merchant.no']?.error?.code).toBe('field.length');
});

it('remote_update_never_touches_the_field_being_edited', async () => {
  const host = await open('#/case/c1/intake');
  const box = await screen.findByTestId<HTMLTextAreaElement>('field-request.words');
  await userEvent.clear(box);
  await userEvent.type(box, '正在输入');
  const remote = aCase('draft');
  remote.fields['request.words'] = {
    ...(remote.fields['request.words'] as never as object),
    raw: '别处写的',
    display: '别处写的',
  } as never;
  host.case = remote;
  session.changed = { n: 9, cases: ['c1'], sync: false, registry: false, locked: false, ringing: null };
  await waitFor(() => expect(said(host, 'case_open').length).toBeGreaterThan(1));
  await new Promise((done) => setTimeout(done, 30));
  expect(box.value).toBe('正在输入');
  expect(document.activeElement).toBe(box);
});

it('a_ringing_call_is_shown_beside_what_is_being_typed_and_touches_nothing_of_it', async () => {
  const host = await open('#/case/c1/intake');
  const box = await screen.findByTestId<HTMLTextAreaElement>('field-request.words');
  await userEvent.clear(box);
  await userEvent.type(box, '正在输入');
  const call = { call_ref: 'call-9', number: '', at: 0, demo: false, answered: false };
  host.ringing = call;
  session.changed = { n: 10, cases: [], sync: false, registry: false, locked: false, ringing: call };
  session.tick += 1;
  await session.refresh();
  const chip = await screen.findByTestId('ring-chip-answer');
  await waitFor(() => expect(chip.textContent).toContain('号码未显示'));
  await userEvent.type(box, '没有停');
  expect(box.value).toBe('正在输入没有停');
  expect(document.activeElement).toBe(box);
  host.ringing = null;
  session.changed = { n: 11, cases: [], sync: false, registry: false, locked: false, ringing: null };
  session.tick += 1;
  await session.refresh();
  await waitFor(() => expect(screen.queryByTestId('ring-chip-answer')).toBeNull());
  host.ringing = call;
  session.changed = { n: 12, cases: [], sync: false, registry: false, locked: false, ringing: call };
  session.tick += 1;
  await session.refresh();
  await userEvent.click(await screen.findByTestId('ring-chip-answer'));
  await waitFor(() => expect(said(host, 'case_new')).toMatchObject([{ call_ref: 'call-9', channel: 'phone' }]));
  const kept = said(host, 'field_set').concat(said(host, 'draft_put'));
  expect(JSON.stringify(kept)).toContain('正在输入没有停');
});

it('the_field_set_carries_the_revision_that_the_author_saw', async () => {
  const host = install();
  const desk = new CaseDesk();
  desk.adopt(aCase('draft'));
  desk.type('request.words', '新的话');
  const remote = aCase('draft');
  remote.fields['request.words'] = { ...(remote.fields['request.words'] as never as object), rev: 'r9' } as never;
  desk.adopt(remote);
  await desk.commit('request.words');
  expect(said(host, 'field_set')).toMatchObject([{ base: 'r1', raw: '新的话' }]);
});

it('submit_lists_exactly_what_is_missing', async () => {
  await open('#/case/c1/submit');
  const items = await screen.findAllByTestId('missing-item');
  expect(items.map((item) => item.dataset['code'])).toEqual(aCase('draft').missing.map((item) => item.code));
  expect(items[1]?.textContent).toContain('附上「营业执照」');
});

it('a_call_back_with_a_call_id_asks_for_the_id_and_a_doubt_about_one_is_said_in_words', async () => {
  location.hash = '#/case/c1/identity';
  const host = install({});
  const shown = aCase('draft');
  const kind = 'call_back_with_call_id';
  shown.identity.offers.push({ kind, class: 'PHONE', points: 25, available: true });
  const line = { op: 't9', at: 1, by: '坐席甲', kind: 'evidence.record', pending: false, trouble: null };
  shown.timeline.push({ ...line, params: { call_doubt: 'other_number' } });
  host.case = shown;
  render(App);
  expect((await screen.findByTestId('call-doubt')).textContent).toContain('拨的不是登记号码');
  expect(screen.queryByTestId('evidence-call')).toBeNull();
  await userEvent.selectOptions(screen.getByTestId('evidence-kind'), kind);
  expect(screen.getByTestId<HTMLButtonElement>('evidence-add').disabled).toBe(true);
  await userEvent.type(screen.getByTestId('evidence-call'), ' O-1 ');
  await userEvent.click(screen.getByTestId('evidence-add'));
  expect(said(host, 'evidence_add')).toMatchObject([{ kind, call_ref: 'O-1' }]);
});

it('enter_that_ends_a_composition_does_not_commit', async () => {
  const host = await open('#/case/c1/identity');
  const box = await screen.findByTestId<HTMLInputElement>('field-merchant.name');
  await userEvent.type(box, '商行');
  box.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }));
  box.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true }));
  box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
  expect(said(host, 'field_set')).toEqual([]);
});

it('a_dialog_with_input_does_not_close_on_an_outside_click', async () => {
  await open('#/workbench/c1');
  await userEvent.click(await screen.findByTestId('case_withdraw'));
  const dialog = await screen.findByTestId('action-dialog');
  dialog.dispatchEvent(new MouseEvent('click', { bubbles: true }));
  expect(screen.queryByTestId('action-dialog')).not.toBeNull();
});

it('one_look_at_a_document_is_one_ticket_however_often_the_case_is_refreshed', async () => {
  const host = await open('#/case/c1/documents');
  await waitFor(() => expect(said(host, 'document_ticket')).toHaveLength(1));
  for (let n = 1; n < 4; n += 1) {
    session.changed = { n, cases: ['c1'], sync: false, registry: false, locked: false, ringing: null };
    await waitFor(() => expect(said(host, 'case_open').length).toBeGreaterThan(n));
  }
  await new Promise((done) => setTimeout(done, 30));
  expect(said(host, 'document_ticket')).toHaveLength(1);
});

it('an_approval_is_held_five_seconds_and_undo_means_it_was_never_sent', async () => {
  const host = install({ role: 'reviewer', state: 'in_review' });
  const review = aReview(aCase('in_review'));
  const work = new ReviewWork(
    () => review,
    () => undefined,
    () => undefined,
  );
  vi.useFakeTimers();
  work.approve();
  await vi.advanceTimersByTimeAsync(4900);
  expect(said(host, 'review_decide')).toEqual([]);
  toasts.list.at(-1)?.undo?.();
  await vi.advanceTimersByTimeAsync(1000);
  expect(said(host, 'review_decide')).toEqual([]);
  work.approve();
  await vi.advanceTimersByTimeAsync(5000);
  expect(said(host, 'review_decide')).toEqual([{ case: 'c1', decision: { kind: 'approve', digest: 'd-1' } }]);
});

function reviewing(state = 'in_review'): ReviewWork {
  const review = aReview(aCase(state));
  return new ReviewWork(
    () => review,
    () => undefined,
    () => undefined,
  );
}

it('a_missing_paper_is_marked_and_goes_back_by_its_kind', async () => {
  const host = install({ role: 'reviewer', state: 'in_review' });
  const work = reviewing();
  expect(work.missing.map((item) => item.any_of)).toEqual([['business_licence']]);
  vi.useFakeTimers();
  work.choosing = { kind: 'missing', paper: 'business_licence' };
  work.reason(0);
  work.choosing = { kind: 'missing', paper: 'business_licence' };
  work.reason(0);
  expect(work.marks).toHaveLength(1);
  work.sendBack();
  await vi.advanceTimersByTimeAsync(5000);
  const [sent] = said(host, 'review_decide') as {
    decision: { items: { missing_kind: string | null; document: string | null }[] };
  }[];
  expect(sent?.decision.items.map((item) => [item.missing_kind, item.document])).toEqual([['business_licence', null]]);
});

it('after_a_decision_the_next_case_opens_and_undo_comes_back', async () => {
  const host = install({ role: 'reviewer', state: 'in_review' });
  const work = reviewing();
  session.go('review', 'c1');
  vi.useFakeTimers();
  work.approve();
  expect(work.held).toBe(true);
  await vi.advanceTimersByTimeAsync(100);
  const next = session.route;
  expect([next.screen, next.id === 'c1', next.id === '']).toEqual(['review', false, false]);
  toasts.list.at(-1)?.undo?.();
  await vi.advanceTimersByTimeAsync(100);
  expect([session.route.id, work.held]).toEqual(['c1', false]);
  await vi.advanceTimersByTimeAsync(6000);
  expect(said(host, 'review_decide')).toEqual([]);
});

it('a_decision_that_fails_is_told_on_its_case', async () => {
  const host = install({ role: 'reviewer', state: 'in_review' });
  host.failing.set('review_decide', error('review.taken'));
  const work = reviewing();
  vi.useFakeTimers();
  work.approve();
  await vi.advanceTimersByTimeAsync(5000);
  expect(reviewing().error?.code).toBe('review.taken');
  work.error = null;
  expect(reviewing().error).toBeNull();
});

it('every_row_of_the_sync_centre_says_why_and_has_something_to_press', async () => {
  const host = await open('#/sync');
  for (const list of ['sync-rows-row', 'sync-waiting-row', 'sync-document']) {
    const rows = await screen.findAllByTestId(list);
    for (const row of rows) expect(row.querySelector('button'), list).not.toBeNull();
  }
  const waiting = await screen.findByTestId('sync-waiting');
  expect(waiting.textContent).toContain('服务器没有应答');
  await userEvent.click(waiting.querySelector('[data-action="sync_now"]') as HTMLElement);
  await waitFor(() => expect(said(host, 'sync_now')).toHaveLength(1));
  await userEvent.click(await screen.findByTestId('diagnostics-save'));
  expect((await screen.findByTestId('diagnostics-saved')).textContent).toContain('unbind-desk-diagnostics');
});

it('what_happened_to_the_desk_is_told_calmly_until_somebody_has_seen_it', async () => {
  location.hash = '#/workbench';
  const host = install();
  host.alerts = [{ id: 7, code: 'desk.cloned', at: 1_700_000_000_000, params: { ops: '4' } }];
  render(App);
  const told = await screen.findByTestId('alert');
  expect([told.dataset['code'], told.getAttribute('role')]).toEqual(['desk.cloned', 'status']);
  expect(told.textContent).toContain('没有丢失任何内容');
  expect(told.textContent).toContain('未上传的 4 项由这台电脑继续上传');
  await userEvent.click(screen.getByTestId('alert-seen'));
  expect(said(host, 'sync_act')).toEqual([{ act: 'alert_seen', alert: 7 }]);
  await waitFor(() => expect(screen.queryByTestId('alert')).toBeNull());
});

it('a_parked_entry_is_sent_again_or_let_be_with_a_reason', async () => {
  location.hash = '#/sync';
  const host = install();
  host.parked = true;
  render(App);
  await userEvent.click(await screen.findByText('重新发送'));
  await userEvent.click(await screen.findByTestId('sync-let-be'));
  expect((await screen.findByTestId<HTMLButtonElement>('let-be-do')).disabled).toBe(true);
  await userEvent.type(screen.getByTestId('let-be-reason'), '重复填写');
  await userEvent.click(screen.getByTestId('let-be-do'));
  expect(said(host, 'sync_act')).toEqual([
    { act: 'retry', op: 'o3' },
    { act: 'dismiss', op: 'o3', reason: '重复填写' },
  ]);
});

it('a_stick_carries_the_work_out_and_the_receipts_back', async () => {
  const host = await open('#/sync');
  await userEvent.click(await screen.findByTestId('usb-export'));
  expect((await screen.findByTestId('usb-written')).textContent).toContain('可以拔出');
  expect(said(host, 'usb_export')).toEqual([{ folder: '/media/demo/STICK' }]);
  await userEvent.click(await screen.findByTestId('usb-import'));
  expect((await screen.findByTestId('usb-taken')).textContent).toContain('3 项回执');
  expect(said(host, 'usb_import')).toEqual([{ path: '/media/demo/STICK/HZ001-return-1.jbx' }]);
});

it('a_hand_over_that_fails_says_why_in_words', async () => {
  const host = await open('#/sync');
  host.failing.set('usb_export', error('bundle.no_space'));
  await userEvent.click(await screen.findByTestId('usb-export'));
  expect((await screen.findByTestId('error')).textContent).toContain('空间不够');
});

it('differing_characters_are_marked_in_the_review', async () => {
  await open('#/review/c1', { role: 'reviewer', state: 'in_review' });
  const marks = await screen.findAllByTestId('differs');
  expect(marks.map((mark) => mark.textContent)).toEqual(['1', '7']);
});

it('an_unknown_error_shows_its_incident_and_never_a_bare_code', async () => {
  const host = await open('#/sync');
  host.failing.set('sync_now', { ...error('mystery.thing'), incident: 'INC-1' });
  await userEvent.click(await screen.findByTestId('sync-now'));
  const note = await screen.findByTestId('error');
  expect(note.textContent).toContain('INC-1');
  expect(note.textContent).toContain('没有丢失任何内容');
});

it('another_person_never_sees_the_case_that_the_one_before_had_open', async () => {
  await open('#/workbench/c1');
  await screen.findByTestId('case-header');
  const before = opening.desk;
  const status = session.status;
  if (!status?.user) throw new Error('somebody is signed in');
  session.status = { ...status, user: { ...status.user, id: 'u2', name: '审核员乙' } };
  await waitFor(() => expect(opening.desk).not.toBe(before));
  await waitFor(() => expect(opening.desk.screen?.id).toBe('c1'));
});
