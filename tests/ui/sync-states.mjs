// What a desk says in the sync centre, state by state: a lost office, a parked entry and a copied disk cannot be had on
// demand, so a real desk's answer to `sync_status` is put in its place.
const MIB = 1024 * 1024;
const DAY = 86_400_000;
const NO = 'JB26-HZ001-A1-000012';
const AT = Date.UTC(2026, 10, 22, 2, 24);

const badge = (state, more = {}) => ({
  state,
  unsent: 0,
  percent: null,
  since: null,
  oldest_unsent_at: null,
  conflicts: 0,
  attention: 0,
  ...more,
});
const entry = (state, reason, action) => ({
  op: `op-${state}-${reason}`,
  case: 'c1',
  case_no: NO,
  kind: 'field.set',
  at: AT,
  state,
  reason,
  action,
});
const waiting = (reason, action, state = 'local') => ({
  case: 'c1',
  case_no: NO,
  ops: 12,
  kinds: ['case.create', 'field.set', 'document.attach', 'case.submit'],
  oldest_at: AT - 2 * DAY,
  state,
  reason,
  action,
});
const scan = (sent, reason, action, state = 'local') => ({
  id: 'd1',
  case: 'c1',
  case_no: NO,
  kind: 'invoice',
  sent_bytes: sent * MIB,
  total_bytes: 20 * MIB,
  percent: sent * 5,
  done_at: state === 'sending' ? Date.now() + 3_600_000 : null,
  state,
  reason,
  action,
});
const conflict = {
  id: 'x1',
  case: 'c1',
  case_no: NO,
  field: 'merchant.name',
  mine: '示例商行',
  theirs: '样例商行',
  mine_raw: '示例商行',
  mine_by: '坐席甲',
  theirs_by: '坐席乙',
  mine_at: AT,
  theirs_at: AT,
};

const NO_STICK = { places: [], running: null, exported: null, ops: 0, documents: 0 };
const STICK = {
  path: '/媒体/示例/交接盘',
  label: '交接盘',
  free_bytes: 7_900 * MIB,
  writable: true,
  returns: ['/媒体/示例/交接盘/HZ001-A1-20261122-1.return.jbx'],
};

/** The states, each as a change of what a desk with a server says when there is nothing to do. */
export const STATES = {
  empty: {},
  waiting: {
    badge: badge('sending', {
      unsent: 12,
      percent: 40,
      oldest_unsent_at: AT - 2 * DAY,
    }),
    waiting: [waiting('sending', 'none', 'sending')],
    documents: [scan(7, 'sending', 'none', 'sending')],
    waiting_more: 4_300,
  },
  offline: {
    badge: badge('offline', {
      unsent: 12,
      since: AT - 2 * DAY,
      oldest_unsent_at: AT - 2 * DAY,
    }),
    link: 'offline',
    why: 'no_answer',
    last_contact_at: AT - 2 * DAY,
    clock_skew_ms: -310_000,
    waiting: [waiting('no_answer', 'sync_now')],
    documents: [scan(0, 'no_answer', 'sync_now')],
  },
  signed_out: {
    badge: badge('attention', { unsent: 12, oldest_unsent_at: AT }),
    link: 'sign_in_needed',
    waiting: [waiting('sign_in_needed', 'sign_in')],
  },
  alert: {
    alerts: [
      'desk.cloned',
      'desk.restored',
      'desk.recovered',
      'desk.disk_full',
      'server.restored',
      'digest.repaired',
    ].map((code, at) => ({ id: at + 1, code, at: AT, params: {} })),
  },
  usb: {
    usb: { places: [STICK], running: null, exported: { at: AT, waiting: 12, files: ['a.jbx'] }, ops: 12, documents: 1 },
  },
  usb_running: {
    usb: { ...NO_STICK, places: [STICK], running: { what: 'export', done_bytes: 7 * MIB, total_bytes: 20 * MIB } },
  },
  conflict: {
    badge: badge('conflict', { conflicts: 1 }),
    conflicts: [conflict],
  },
  parked: {
    badge: badge('attention', { attention: 4 }),
    rows: [
      entry('parked', 'op.malformed', 'retry'),
      entry('refused', 'review.stale_content', 'open_case'),
      entry('held', 'unknown_kind', 'contact_admin'),
      entry('held', 'body_missing', 'sync_now'),
    ],
    free_bytes: 900 * MIB,
    disk_low: true,
  },
};

const QUIET = {
  badge: badge('synced', { since: AT }),
  server_url: 'https://desk.example.invalid',
  link: 'online',
  why: null,
  last_contact_at: AT,
  clock_skew_ms: 400,
  server_version: '0.1.0',
  rows: [],
  waiting: [],
  waiting_more: 0,
  documents: [],
  conflicts: [],
  alerts: [],
  database_bytes: 18 * MIB,
  documents_bytes: 240 * MIB,
  free_bytes: 92_000 * MIB,
  disk_low: false,
};

/** The desk says this when the sync centre asks. */
export async function say(page, state) {
  const answer = JSON.stringify({ ...QUIET, ...state });
  const reply = (route) =>
    route.fulfill({
      status: 200,
      contentType: 'application/json',
      body: answer,
    });
  await page.route('**/cmd/sync_status', reply);
  await page.route('**/cmd/sync_now', reply);
  const usb = JSON.stringify(state.usb ?? NO_STICK);
  await page.route('**/cmd/usb_places', (route) =>
    route.fulfill({ status: 200, contentType: 'application/json', body: usb }),
  );
}
