/** Made-up cases for the mock host. Every name, number and place is visibly fake. */
import type * as T from '../src/lib/dto';

const NOW = Date.UTC(2026, 10, 22, 2, 30);
export const bil = (zh: string, en: string): T.Bilingual => ({ zh, en });

const spec = (
  key: string,
  step: string,
  format = 'text',
  choices: string[] = [],
  max_chars: number | null = null,
): T.FieldSpecView => ({ key, step, format, choices, max_chars, privacy: 'open' });
export const fieldSpecs: T.FieldSpecView[] = [
  spec('request.kind', 'intake', 'choice', [
    'unbind_terminal',
    'unbind_login',
    'settlement_card',
    'ledger',
    'close_merchant',
    'swap_device',
  ]),
  spec('request.words', 'intake', 'text', [], 500),
  spec('caller.name', 'intake', 'person_name'),
  spec('caller.phone', 'intake', 'phone'),
  spec('caller.relation', 'intake', 'choice', ['holder', 'staff', 'family', 'agent_org', 'other']),
  spec('caller.channel', 'intake', 'choice', ['phone', 'walk_in', 'app', 'mail', 'wechat']),
  ...['merchant.no', 'merchant.uscc', 'legal.id_no', 'merchant.phone', 'settle.tail'].map((key) =>
    spec(key, 'identity', 'phone'),
  ),
  ...['merchant.name', 'legal.name', 'handler.name', 'handler.id_no', 'handler.phone'].map((key) =>
    spec(key, 'identity'),
  ),
  spec('merchant.class', 'identity', 'choice', ['enterprise', 'sole_trader', 'micro']),
  spec('diagnosis.error_text', 'diagnosis', 'text', [], 200),
  spec('diagnosis.conclusion', 'diagnosis', 'choice', [
    'confirmed_damaged',
    'suspected',
    'network',
    'account',
    'usage',
    'lost_stolen',
  ]),
  spec('diagnosis.route', 'diagnosis', 'choice', ['unbind', 'repair', 'swap', 'self_service', 'nothing']),
  ...['invoice.code', 'invoice.number', 'invoice.amount_fen'].map((key) => spec(key, 'documents', 'fen')),
  spec('invoice.date', 'documents', 'date'),
  ...['terminal.serial', 'terminal.serial_again', 'terminal.tusn', 'terminal.numbers'].map((key) =>
    spec(key, 'form', 'terminal_serial'),
  ),
  spec('terminal.model', 'form'),
  spec('terminal.kind', 'form', 'choice', ['traditional', 'smart', 'esign', 'mpos', 'qr_box', 'qr_plate', 'soundbox']),
  spec('terminal.obtained_by', 'form', 'choice', ['purchased', 'leased', 'free_with_deposit', 'unknown']),
  spec('terminal.place', 'form', 'choice', ['in_hand', 'lost', 'repair_shop']),
  spec('terminal.address', 'form'),
  spec('reason.code', 'form', 'choice', [
    'FAULT_POWER',
    'FAULT_TAMPER',
    'FAULT_READER',
    'FAULT_PRINTER',
    'FAULT_BATTERY',
    'LOST',
    'OTHER',
  ]),
  spec('reason.text', 'form', 'text', [], 500),
  spec('effects.unsettled_fen', 'form', 'fen'),
  spec('effects.unsettled_note', 'form'),
  spec('effects.told', 'form', 'flag'),
  ...['handover.transactions', 'handover.settlement', 'handover.receipts'].map((key) =>
    spec(key, 'form', 'choice', ['done', 'waived', 'not_possible']),
  ),
  spec('handover.note', 'form', 'text', [], 200),
  spec('notice.read_back', 'form', 'flag'),
  spec('form.signature', 'form', 'choice', ['paper_photo', 'on_site']),
  spec('form.replacement', 'form', 'flag'),
];

const row = (
  id: string,
  serial: number,
  state: string,
  title: string,
  sync: string,
  level: string | null,
): T.CaseRow => ({
  id,
  case_no: `JB-261122-HZ001-01-${String(serial).padStart(4, '0')}-X`,
  state,
  title,
  serial_tail: 'A00001',
  updated_at: NOW,
  due_at: level === null ? null : NOW + 5_400_000,
  due_level: level,
  sync,
  returned: state === 'returned',
  mine: true,
  documents: 3,
  documents_stored: 1,
});
export const rows: T.CaseRow[] = [
  row('c1', 17, 'draft', '杭州测试烟酒商行', 'queued', 'soon'),
  row('c2', 16, 'returned', '演示区样例小吃店（个体工商户）', 'applied', 'late'),
  row('c3', 15, 'unbound', '虚构便利店', 'applied', null),
  row('c4', 14, 'submitted', '示例服装有限公司', 'sending', 'ok'),
  row('c5', 13, 'waiting', '样本五金店', 'conflict', 'paused'),
];

export const articles: T.ArticleRow[] = [
  { id: 'kb001', title: bil('怎样判断机器确实坏了？', 'Is it really broken?'), tags: ['故障判断'], official: false },
  { id: 'kb002', title: bil('收不到验证码？', 'No SMS code'), tags: ['验证码'], official: true },
  { id: 'kb003', title: bil('解绑后马上能用新机吗？', 'A new device at once?'), tags: ['换机'], official: true },
];

const field = (key: string, raw: string, extra: Partial<T.FieldView> = {}): [string, T.FieldView] => [
  key,
  {
    key,
    display: raw,
    raw,
    masked: false,
    draft: null,
    rev: 'r1',
    source: 'spoken',
    by: '坐席甲',
    at: NOW,
    warnings: {},
    conflict: false,
    returned: null,
    pending: false,
    ...extra,
  },
];

const card = (id: string, kind: string, extra: Partial<T.DocumentCard> = {}): T.DocumentCard => ({
  id,
  kind,
  mime: 'image/jpeg',
  size_bytes: 640_000,
  pages: 1,
  by: '坐席甲',
  at: NOW,
  stored: false,
  here: true,
  progress: null,
  verdict: null,
  verdict_label: null,
  verdict_note: null,
  hints: [],
  invoice: null,
  replaced: false,
  detached: false,
  ...extra,
});

export const conflicts: T.ConflictView[] = [
  {
    id: 'k1',
    case: 'c1',
    case_no: rows[0]?.case_no ?? '',
    field: 'terminal.serial',
    mine: 'N620A0001',
    mine_by: '坐席甲',
    mine_at: NOW,
    theirs: 'N620A00O1',
    theirs_by: '网点经办丙',
    theirs_at: NOW - 600_000,
    mine_raw: 'N620A0001',
    theirs_raw: 'N620A00O1',
  },
];

const ALLOWED: Record<string, string[]> = {
  draft: [
    'field_set',
    'identity_match',
    'evidence_add',
    'diagnosis_answer',
    'document_add',
    'document_attach',
    'document_detach',
    'note_add',
    'submit',
    'case_wait',
    'case_withdraw',
    'case_finish',
  ],
  returned: ['field_set', 'return_answer', 'note_add', 'submit', 'document_attach', 'case_withdraw'],
  in_review: ['document_judge', 'review_return', 'review_reject', 'review_approve', 'note_add', 'case_hold'],
  executing: ['execute_record', 'note_add'],
  unbound: ['notice_record', 'follow_up', 'case_close', 'note_add'],
};

const returned: T.ReturnView[] = [
  {
    index: 0,
    field: 'terminal.serial',
    document: null,
    missing_kind: null,
    code: 'SERIAL_MISMATCH',
    label: bil('序列号不符', 'Serial differs'),
    text: '与机身标签照片不一致',
    answered: false,
    answer: '',
    by: '审核员乙',
    at: NOW,
  },
  {
    index: 1,
    field: null,
    document: 'd1',
    missing_kind: null,
    code: 'PHOTO_UNCLEAR',
    label: bil('照片不清', 'Photo unclear'),
    text: '',
    answered: true,
    answer: '已重新拍照',
    by: '审核员乙',
    at: NOW,
  },
];

export function aCase(state: string): T.CaseScreen {
  const capture = state === 'draft' || state === 'returned';
  return {
    id: 'c1',
    case_no: rows[0]?.case_no ?? '',
    state,
    office: 'HZ001',
    rev: 4,
    created_at: NOW,
    updated_at: NOW,
    title: '杭州测试烟酒商行',
    dues: [{ clock: 'capture', due_at: NOW + 1_800_000, level: 'soon', uncertain: false }],
    sync: { state: 'queued', pending: 3 },
    fields: Object.fromEntries([
      field('request.kind', 'unbind_terminal'),
      field('request.words', '机器开不了机，想解绑换新的'),
      field('caller.name', '', { display: '测**', raw: null, masked: true }),
      field('caller.phone', '', { display: '138****1234', raw: null, masked: true, source: 'registry' }),
      field('caller.relation', 'holder'),
      field('caller.channel', 'phone'),
      field('merchant.no', '822290055330001', { source: 'registry' }),
      field('merchant.name', '杭州测试烟酒商行'),
      field('merchant.class', 'sole_trader'),
      field(
        'terminal.serial',
        'N620A0001',
        state === 'returned'
          ? {
              returned: {
                code: 'SERIAL_MISMATCH',
                label: bil('序列号不符', 'Serial differs'),
                text: '与机身标签照片不一致',
              },
            }
          : {},
      ),
      field('terminal.serial_again', 'N620A0001'),
      field('reason.code', 'FAULT_POWER'),
      field('effects.told', 'true'),
    ]),
    steps: ['intake', 'identity', 'diagnosis', 'documents', 'form', 'submit'].map((step, i) => ({
      step,
      done: !capture || i < 2,
      missing: capture && i >= 2 ? (i % 3) + 1 : 0,
    })),
    missing: capture
      ? [
          { code: 'field.required', step: 'diagnosis', field: 'diagnosis.conclusion', document: null },
          { code: 'document.required', step: 'documents', field: null, document: 'business_licence' },
          { code: 'field.required', step: 'form', field: 'terminal.obtained_by', document: null },
          { code: 'form.notice_not_read_back', step: 'form', field: 'notice.read_back', document: null },
        ]
      : [],
    next_action: state === 'draft' ? 'step.diagnosis' : state === 'returned' ? 'step.form' : '',
    allowed: ALLOWED[state] ?? ['note_add'],
    documents: [
      card('d1', 'invoice', {
        stored: true,
        invoice: {
          kind: '数电票',
          code: null,
          number: '26332000000000000001',
          amount: '¥1,299.00',
          date: '2026-03-01',
          warnings: [],
          fill: { 'invoice.number': '26332000000000000001' },
        },
      }),
      card('d2', 'id_card_front', { progress: 45, hints: ['blurred', 'glare'] }),
      card(
        'd3',
        'device_label',
        state === 'in_review' ? { verdict: 'returned', verdict_label: bil('照片不清', 'Photo unclear') } : {},
      ),
    ],
    required: [
      { any_of: ['invoice', 'purchase_contract'], status: 'attached', why: '' },
      { any_of: ['id_card_front'], status: 'attached', why: '' },
      { any_of: ['business_licence'], status: 'missing', why: '' },
      { any_of: ['signed_form'], status: 'waived', why: '' },
    ],
    identity: {
      merchant: {
        id: 'm1',
        merchant_no: '822290055330001',
        name: '杭州测试烟酒商行',
        phone: '138****1234',
        terminals: 1,
      },
      agreed: ['merchant.no', 'merchant.name', 'settle.tail'],
      failures: 1,
      locked_until: null,
      evidence: [{ kind: 'call_back_with_call_id', by: '坐席甲', at: NOW, note: '本人接听', points: 25 }],
      points: 35,
      needed_submit: 35,
      needed_approve: 70,
      classes: 1,
      needed_classes: 2,
      holds: true,
      offers: [
        { kind: 'one_time_code', class: 'PHONE', points: 25, available: true },
        { kind: 'call_back', class: 'PHONE', points: 15, available: true },
      ],
      doubts: [
        { signal: 'call_back_refused', said: false },
        { signal: 'under_pressure', said: false },
      ],
    },
    diagnosis: {
      question: {
        id: 'q1',
        text: bil('请长按电源键三到十秒，机器有没有灯亮或声音？', 'Hold the power key. Any light or sound?'),
        options: [
          { id: 'none', text: bil('没有任何反应', 'Nothing'), key: '1' },
          { id: 'dark', text: bil('有灯或声音，但屏幕不亮', 'Light or sound, dark screen'), key: '2' },
          { id: 'loop', text: bil('反复重启', 'Restarts in a loop'), key: '3' },
          { id: 'on', text: bil('可以开机', 'It starts'), key: '4' },
        ],
      },
      answered: [
        {
          question: 'q0',
          option: 'no',
          question_text: bil('有没有异味、冒烟、发烫或电池鼓包？', 'Smell, smoke, heat?'),
          option_text: bil('没有', 'No'),
        },
      ],
      leaf: null,
    },
    returns: state === 'returned' ? returned : [],
    conflicts: [],
    timeline: [
      {
        op: 't3',
        at: NOW,
        by: '坐席甲',
        kind: 'evidence.record',
        params: { kind: 'call_back_with_call_id' },
        pending: true,
        trouble: null,
      },
      {
        op: 't2',
        at: NOW - 60_000,
        by: '坐席甲',
        kind: 'field.set',
        params: { field: 'merchant.no' },
        pending: true,
        trouble: 'likely_refused',
      },
      { op: 't1', at: NOW - 120_000, by: '坐席甲', kind: 'case.create', params: {}, pending: false, trouble: null },
    ],
    review: {
      digest: 'd-1',
      reviewer: state === 'in_review' ? '审核员乙' : null,
      mine: state === 'in_review',
      locked_until: state === 'in_review' ? NOW + 900_000 : null,
      approvals: [],
      second_needed: false,
      fraud_reject_by: null,
      risk_points: 20,
      risk_signals: [],
      risk_cleared: false,
    },
    execution:
      state === 'executing' || state === 'unbound'
        ? {
            started_by: '执行员丁',
            by_connector: false,
            started_at: NOW,
            result: state === 'unbound' ? 'unbound' : null,
            reference: state === 'unbound' ? 'EXT-DEMO-0001' : '',
            finished_at: null,
            terminals: [],
          }
        : null,
    notices: [],
    call_needed: false,
    execute_after: null,
    follow_up: null,
    waiting_missing: [],
    promise_date: null,
    reason: null,
    same_serial_open: null,
    notes: [{ by: '坐席甲', at: NOW, text: '商户下午在店。', pending: false }],
  };
}

export function aReview(screen: T.CaseScreen): T.ReviewScreen {
  const runs = (text: string, differs: string): T.DiffRun[] =>
    differs === ''
      ? [{ text, same: true }]
      : [
          { text: text.replace(differs, ''), same: true },
          { text: differs, same: false },
        ];
  return {
    case: screen,
    registry_found: true,
    compare: [
      {
        field: 'merchant.name',
        form: '杭州测试烟酒商行',
        registry: '杭州测试烟酒商行',
        verdict: 'same',
        form_runs: runs('杭州测试烟酒商行', ''),
        registry_runs: runs('杭州测试烟酒商行', ''),
      },
      {
        field: 'terminal.serial',
        form: 'N620A0001',
        registry: 'N620A0007',
        verdict: 'differs',
        form_runs: runs('N620A0001', '1'),
        registry_runs: runs('N620A0007', '7'),
      },
      {
        field: 'merchant.class',
        form: 'sole_trader',
        registry: 'sole_trader',
        verdict: 'same',
        form_runs: [],
        registry_runs: [],
      },
      {
        field: 'reason.code',
        form: 'FAULT_POWER',
        registry: '',
        verdict: 'form_only',
        form_runs: [],
        registry_runs: [],
      },
    ],
    return_reasons: [
      ['PHOTO_UNCLEAR', '照片不清', 'Photo unclear'],
      ['PHOTO_CROPPED', '边角缺失', 'Cropped'],
      ['ID_EXPIRED', '证件过期', 'ID expired'],
      ['SERIAL_MISMATCH', '序列号不符', 'Serial differs'],
    ].map(([code = '', zh = '', en = '']) => ({ code, label: bil(zh, en) })),
    reject_reasons: [
      ['NOT_ENTITLED', '无权办理', 'Not entitled'],
      ['FUNDS_OPEN', '款项未结清', 'Funds open'],
    ].map(([code = '', zh = '', en = '']) => ({ code, label: bil(zh, en) })),
  };
}
