/** What the admin's place shows on the host of cardboard: made-up people, desks, offices. */
import type * as T from '../src/lib/dto';
import { NOW } from './mock-time';

const DAY = 86_400_000;

export const adminOverview = (): T.AdminOverviewView => ({
  offices: [
    { code: 'HZ000', name: '杭州演示分公司', parent: null, people: 4, desks: 2, waiting: 0 },
    { code: 'HZ001', name: '杭州演示网点', parent: 'HZ000', people: 9, desks: 5, waiting: 2 },
    { code: 'HZ002', name: '滨江演示网点', parent: 'HZ001', people: 3, desks: 1, waiting: 0 },
  ],
  second_factor: true,
  two_admins: false,
  policy_version: 7,
  policy_since: NOW - 30 * DAY,
  waiting: {
    version: 8,
    proposed_at: NOW - DAY,
    proposed_by: 'admin2',
    changes: [
      { key: 'hold.cooling_off_hours', from: '24', to: '12', eases: true },
      { key: 'documents.invoice_days', from: '180', to: '90', eases: false },
    ],
  },
});

const person = (login: string, name: string, more: Partial<T.AdminPersonView> = {}): T.AdminPersonView => ({
  user: `u-${login}`,
  login,
  name,
  roles: ['agent'],
  employer: 'acquirer',
  offices: ['HZ001'],
  active: true,
  mine: true,
  settled: true,
  second_factor: false,
  invitation: null,
  ...more,
});

const people: T.AdminPersonView[] = [
  person('agent1', '坐席甲', { employer: 'outsourcer' }),
  person('agent2', '坐席乙', {
    settled: false,
    invitation: { is_reset: false, office: 'HZ001', expires_at: NOW + 400 * DAY },
  }),
  person('reviewer1', '审核员乙', {
    roles: ['reviewer', 'supervisor'],
    offices: ['HZ001', 'HZ002'],
    second_factor: true,
  }),
  person('clerk3', '网点经办丙', { active: false, roles: ['clerk'] }),
  person('admin1', '管理员丁', { roles: ['admin', 'supervisor'], mine: false, second_factor: true }),
];

export const adminPeople = ({ find, office }: { find: string; office: string | null }): T.AdminPersonView[] =>
  people.filter((one) => `${one.login}${one.name}`.includes(find) && (office === null || one.offices.includes(office)));

const desk = (device_code: string, label: string, more: Partial<T.AdminDeskView> = {}): T.AdminDeskView => ({
  device: `d-${device_code}`,
  office: 'HZ001',
  device_code,
  label,
  status: 'active',
  enrolled_at: NOW - DAY,
  fingerprint: '0a1b2c3d4e5f6071',
  approve_barred: null,
  wipe: 'none',
  acts: [{ at: NOW - DAY, what: 'invited', by: 'admin2', reason: '' }],
  events: [],
  here: false,
  ...more,
});

export const adminDesks = (): T.AdminDeskView[] => [
  desk('B3', '前台二号机', { status: 'pending' }),
  desk('B4', '前台三号机', { status: 'pending', approve_barred: 'code_by_you' }),
  desk('A1', '前台一号机', { here: true }),
  desk('A2', '仓库备用机', { events: [{ last_at: NOW, what: 'desk.fork', times: 2 }] }),
  desk('A3', '旧笔记本', {
    status: 'revoked',
    wipe: 'ordered',
    acts: [{ at: NOW, what: 'revoked', by: null, reason: '设备遗失' }],
  }),
];

export const adminLog = (): T.AdminLineView[] => [
  { at: NOW, by: 'admin1', what: 'rights', subject: 'agent1', detail: 'roles=agent offices=HZ001' },
  { at: NOW - DAY, by: 'admin2', what: 'wipe', subject: 'HZ001-A3', detail: 'pace=after_sync' },
];

/** A code that nobody could use: it is not base32. */
const CODE = '0000-1111-0000-1111-0000-1111-00';

const HAS_CODE = ['invite', 'reset', 'renew', 'new_desk'];

export function adminDone(args: T.AdminDo): T.AdminDone {
  const leaves = args.act === 'leave';
  return {
    overview: args.act === 'approve_policy' || args.act === 'put_office' ? adminOverview() : null,
    person: 'user' in args ? (people.find((one) => one.user === args.user) ?? null) : null,
    desk: 'device' in args ? (adminDesks().find((one) => one.device === args.device) ?? null) : null,
    code: HAS_CODE.includes(args.act) ? { code: CODE, office: 'HZ001', expires_at: NOW + 15 * 60_000 } : null,
    factor:
      args.act === 'set_factor'
        ? {
            qr: { side: 9, path: 'M4 4h1v1h-1z' },
            address: 'otpauth://totp/demo',
            recovery_codes: ['0000-1111', '0000-2222', '0000-3333', '0000-4444'],
          }
        : null,
    desks: leaves ? adminDesks().slice(2, 4) : [],
  };
}
