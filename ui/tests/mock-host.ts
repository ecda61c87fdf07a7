/** A host of cardboard for vitest and the development preview: made-up answers in the agreed shapes. Never shipped. */
import type * as T from '../src/lib/dto';
import { NOW } from './mock-time';
import { adminDesks, adminDone, adminLog, adminOverview, adminPeople } from './mock-admin';
import { aCase, aReview, articles, bil, conflicts, fieldSpecs, rows } from './mock-data';

export interface MockOptions {
  phase: string;
  theme: string;
  language: string;
  role: string;
  state: string;
}
type Handler = (args: never) => unknown;

export { NOW };

export class MockHost {
  readonly calls: { command: string; args: unknown }[] = [];
  case: T.CaseScreen;
  alerts: T.AlertView[] = [];
  parked = false;
  ringing: T.RingingCall | null = { call_ref: 'call-1', number: '138****1234', at: NOW, demo: true, answered: false };
  /** Commands that answer with an error instead. */
  failing = new Map<string, T.UiError>();

  constructor(private readonly options: MockOptions) {
    this.case = aCase(options.state);
  }

  status(): T.AppStatus {
    const { phase, theme, language, role } = this.options;
    return {
      phase,
      version: '0.1.0',
      keystore: 'os',
      office: 'HZ001',
      office_name: '杭州演示网点',
      server_url: 'https://desk.example.invalid',
      demo: true,
      standalone: false,
      user: {
        id: 'u1',
        login: 'agent1',
        name: role === 'reviewer' ? '审核员乙' : '坐席甲',
        roles: role === 'admin' ? ['supervisor', 'admin'] : [role],
        may_decide: role === 'reviewer',
      },
      settings: { theme, language, text_px: 14, single_letters: true, idle_lock_s: 300, last_screen: 'workbench' },
      sync: {
        state: 'waiting',
        unsent: 3,
        percent: null,
        since: NOW,
        oldest_unsent_at: NOW,
        conflicts: 1,
        attention: 0,
      },
      ringing: this.ringing,
      people: ['坐席甲', '网点经办丙'],
      alerts: this.alerts,
    };
  }

  private handlers: Record<string, Handler> = {
    app_status: () => this.status(),
    setup_demo: () => this.becomeReady(),
    setup_server: () => this.becomeReady(),
    sign_in: () => this.becomeReady(),
    unlock: () => this.becomeReady(),
    lock: () => ((this.options.phase = 'locked'), this.status()),
    form_spec: (): T.FormSpec => ({
      fields: fieldSpecs,
      document_kinds: [
        'invoice',
        'id_card_front',
        'id_card_back',
        'business_licence',
        'device_label',
        'fault_photo',
        'signed_form',
        'other',
      ],
      return_reasons: aReview(this.case).return_reasons,
      reject_reasons: aReview(this.case).reject_reasons,
      scripts: ['intake', 'identity', 'diagnosis', 'documents', 'form', 'submit'].map((step) => ({
        id: step,
        step,
        text: bil(
          '您好，这里是终端服务坐席，本次通话会录音。请问是办理机具解绑吗？',
          'This call is recorded. Is this about unbinding a terminal?',
        ),
      })),
    }),
    settings_set: (args: T.Settings) => args,
    queue: (): T.CasePage => ({ rows, next: null }),
    queue_counts: (): T.QueueCounts => ({
      counts: {
        mine: 12,
        returned: 2,
        drafts: 4,
        waiting: 3,
        due_soon: 5,
        review: 7,
        execute: 2,
        tell: 1,
        team: 38,
        all: 60,
      },
    }),
    search: (): T.SearchPage => ({
      cases: rows.slice(0, 2),
      merchants: [
        {
          id: 'm1',
          merchant_no: '822290055330001',
          name: '杭州测试烟酒商行',
          phone: '138****1234',
          terminals: ['N620A0001'],
        },
      ],
      articles: articles.slice(0, 1),
    }),
    notifications: (): T.NotificationRow[] => [
      {
        id: 'n1',
        kind: 'returned',
        case: 'c2',
        case_no: rows[1]?.case_no ?? '',
        title: rows[1]?.title ?? '',
        at: NOW,
        read: false,
      },
      {
        id: 'n2',
        kind: 'unbound',
        case: 'c3',
        case_no: rows[2]?.case_no ?? '',
        title: rows[2]?.title ?? '',
        at: NOW,
        read: true,
      },
    ],
    calls: (): T.CallRow[] => [
      { call_ref: 'call-1', case: null, case_no: null, number: '138****1234', started_at: NOW, ended_at: null },
      {
        call_ref: 'call-2',
        case: 'c1',
        case_no: this.case.case_no,
        number: '139****0000',
        started_at: NOW - 900_000,
        ended_at: NOW - 300_000,
      },
    ],
    case_open: () => this.case,
    case_new: () => ((this.case = aCase('draft')), this.case),
    draft_put: () => ({}),
    field_set: (args: T.FieldSetArgs) => this.setField(args),
    identity_match: (): T.MatchResult => ({
      found: true,
      agreed: this.case.identity.agreed,
      differed: 1,
      failures: 1,
      locked_until: null,
      case: this.case,
    }),
    document_tray: (): T.TrayItem[] => [],
    document_ticket: (): T.Ticket => ({ url: './paper.png' }),
    review_open: () => aReview(this.case),
    review_take: () => aReview(this.case),
    document_judge: () => aReview(this.case),
    knowledge_list: () => articles,
    knowledge_open: (): T.ArticleScreen => ({
      id: 'kb001',
      title: articles[0]?.title ?? bil('', ''),
      body: bil(
        '先充电三十分钟并换插座，再看能否开机、屏幕有无提示、网络与读卡是否正常。\n按诊断树逐项记录。',
        'Charge 30 minutes on another socket.\nThen follow the tree.',
      ),
      source: '知识包',
      owner: '知识组',
      checked_on: '2026-11-01',
      official: false,
    }),
    merchant_open: (): T.MerchantScreen => ({
      id: 'm1',
      merchant_no: '822290055330001',
      name: '杭州测试烟酒商行',
      class: 'sole_trader',
      legal_name: '测**',
      phone: '138****1234',
      address: '杭州市演示区示例路 1 号',
      cases: rows.slice(0, 2),
      terminals: [
        {
          serial: 'N620A0001',
          model: 'N620',
          kind: 'smart',
          obtained_by: 'purchased',
          terminal_numbers: ['T0000001', 'T0000002'],
          bound_at: NOW - 9e9,
          unbound_at: null,
          open_case: 'c1',
        },
      ],
    }),
    sync_status: (): T.SyncScreen => ({
      badge: this.status().sync,
      server_url: 'https://desk.example.invalid',
      link: 'offline',
      why: 'no_answer',
      last_contact_at: NOW,
      clock_skew_ms: 400,
      server_version: '0.1.0',
      conflicts,
      database_bytes: 18_400_000,
      documents_bytes: 241_000_000,
      alerts: [],
      free_bytes: 92_000_000_000,
      rows: [
        {
          op: 'o2',
          case: 'c2',
          case_no: rows[1]?.case_no ?? '',
          kind: 'case.submit',
          at: NOW,
          state: 'refused',
          reason: 'refused',
          action: 'open_case',
        },
        ...(this.parked
          ? [
              {
                op: 'o3',
                case: 'c2',
                case_no: rows[1]?.case_no ?? '',
                kind: 'field.set',
                at: NOW,
                state: 'parked',
                reason: 'op.malformed',
                action: 'retry',
              },
            ]
          : []),
      ],
      waiting: [
        {
          case: 'c1',
          case_no: this.case.case_no,
          ops: 3,
          kinds: ['field.set', 'document.attach'],
          oldest_at: NOW,
          state: 'local',
          reason: 'no_answer',
          action: 'sync_now',
        },
      ],
      waiting_more: 0,
      disk_low: false,
      documents: [
        {
          id: 'd1',
          case: 'c1',
          case_no: this.case.case_no,
          kind: 'invoice',
          sent_bytes: 1_048_576,
          total_bytes: 2_500_000,
          percent: 41,
          done_at: null,
          state: 'paused',
          reason: 'no_answer',
          action: 'sync_now',
        },
      ],
    }),
    sync_act: () => ((this.alerts = []), this.handlers['sync_status']?.({} as never)),
    sync_now: () => this.handlers['sync_status']?.({} as never),
    usb_places: (): T.UsbScreen => ({
      places: [
        {
          path: '/media/demo/STICK',
          label: 'STICK',
          free_bytes: 7_900_000_000,
          writable: true,
          returns: ['/media/demo/STICK/HZ001-return-1.jbx'],
        },
      ],
      running: null,
      exported: null,
      ops: 3,
      documents: 1,
    }),
    usb_export: (): T.UsbWritten => ({ files: ['HZ001-A1-1.jbx'], ops: 3, documents: 1, bytes: 2_600_000 }),
    usb_import: (): T.UsbTaken => ({
      already: false,
      made_at: NOW,
      receipts: 3,
      changes: 5,
      documents: 0,
      held_back: [],
      more: false,
      renewed: false,
    }),
    merchant_link: (): T.MerchantLinkView => ({
      made: null,
      active: [],
      arriving: [],
      query_code: '00000000',
      links_left: 10,
      texts_left: 3,
    }),
    admin_view: (args: T.AdminPage): T.AdminScreen => ({
      overview: args.page === 'overview' ? adminOverview() : null,
      people: args.page === 'people' ? { people: adminPeople(args), more: false } : null,
      desks: args.page === 'desks' ? { desks: adminDesks(), more: false } : null,
      log: args.page === 'log' ? { lines: adminLog(), more: false } : null,
    }),
    admin_act: (args: T.AdminDo): T.AdminDone => adminDone(args),
    sync_diagnostics: ({ save }): T.Diagnostics => ({
      text: 'unsent=3',
      path: save === true ? '/home/demo/Downloads/unbind-desk-diagnostics-20261122-1.txt' : null,
    }),
  };

  private becomeReady(): T.AppStatus {
    this.options.phase = 'ready';
    return this.status();
  }

  private setField({ field, raw, source }: T.FieldSetArgs): T.CaseScreen {
    const view: T.FieldView = {
      key: field,
      display: raw,
      raw,
      masked: false,
      draft: null,
      rev: 'r2',
      source,
      by: '坐席甲',
      at: NOW,
      warnings: {},
      conflict: false,
      returned: null,
      pending: true,
    };
    this.case = { ...this.case, fields: { ...this.case.fields, [field]: view } };
    return this.case;
  }

  async invoke(command: string, wrapped?: Record<string, unknown>): Promise<unknown> {
    const args = wrapped?.['args'] ?? {};
    if (command.startsWith('plugin:')) return 1;
    this.calls.push({ command, args });
    const failure = this.failing.get(command);
    if (failure) throw failure;
    const handler = this.handlers[command] as ((args: unknown) => unknown) | undefined;
    return structuredClone(handler ? handler(args) : this.case);
  }
}

export const error = (code: string): T.UiError => ({
  code,
  message: '',
  field: null,
  retryable: false,
  incident: null,
  params: {},
});

export function install(options: Partial<MockOptions> = {}): MockHost {
  const host = new MockHost({
    phase: 'ready',
    theme: 'light',
    language: 'zh-CN',
    role: 'agent',
    state: 'draft',
    ...options,
  });
  window.__TAURI_INTERNALS__ = { invoke: (command, args) => host.invoke(command, args), transformCallback: () => 1 };
  return host;
}
