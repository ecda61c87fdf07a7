/** A review in progress: what is judged, what is marked to go back, and decisions held for five seconds. */
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { asUiError, call } from './bridge';
import type { DocumentCard, ReasonView, RequiredView, ReturnArgsItem, ReviewScreen, UiError } from './dto';
import { errorText, t } from './i18n.svelte';
import { session } from './session.svelte';
import { toasts } from './toast.svelte';

export interface Mark extends ReturnArgsItem {
  label: ReasonView['label'];
}
/** What the reasons on screen are for. */
export type Choosing =
  | { kind: 'document'; id: string; verdict: 'returned' | 'rejected' }
  | { kind: 'field'; key: string }
  /** A paper that is needed and not there. */
  | { kind: 'missing'; paper: string }
  | { kind: 'return' }
  | { kind: 'reject' };

/** Decisions in their five seconds, and decisions that failed, by case: both outlive the screen they were made on. */
const waiting = new SvelteSet<string>();
const failed = new SvelteMap<string, UiError>();

export class ReviewWork {
  selected = $state('');
  choosing = $state<Choosing | null>(null);
  marks = $state<Mark[]>([]);
  text = $state('');
  appeal = $state('');
  rejectCode = $state('');
  private own = $state<UiError | null>(null);

  constructor(
    private readonly screen: () => ReviewScreen,
    private readonly adopt: (screen: ReviewScreen) => void,
    private readonly reload: () => void,
  ) {}

  get held(): boolean {
    return waiting.has(this.screen().case.id);
  }

  get error(): UiError | null {
    return this.own ?? failed.get(this.screen().case.id) ?? null;
  }

  set error(error: UiError | null) {
    this.own = error;
    if (error === null) failed.delete(this.screen().case.id);
  }

  /** Needed papers that nobody has attached. */
  get missing(): RequiredView[] {
    return this.screen().case.required.filter((item) => item.status === 'missing');
  }

  get cards(): DocumentCard[] {
    return this.screen().case.documents.filter((card) => !card.detached && !card.replaced);
  }

  /** The reasons that belong to what is being chosen, in the order of the number keys. */
  get reasons(): ReasonView[] {
    const review = this.screen();
    return this.choosing?.kind === 'reject' ? review.reject_reasons : review.return_reasons;
  }

  can(command: string): boolean {
    return this.screen().case.allowed.includes(command);
  }

  private async act(run: () => Promise<void>): Promise<void> {
    try {
      await run();
      this.error = null;
    } catch (thrown) {
      this.error = asUiError(thrown);
      this.reload();
    }
  }

  async take(): Promise<void> {
    await this.act(async () => this.adopt(await call('review_take', { case: this.screen().case.id })));
  }

  async judge(document: string, verdict: string, code: string | null): Promise<void> {
    const note = this.text.trim();
    await this.act(async () => {
      this.adopt(await call('document_judge', { case: this.screen().case.id, document, verdict, code, note }));
      this.choosing = null;
      this.text = '';
      const open = this.cards.find((card) => card.verdict === null);
      if (open) this.selected = open.id;
    });
  }

  /** The reason with this place in the list was chosen, by key or by click. */
  reason(index: number): void {
    const reason = this.reasons[index];
    const choosing = this.choosing;
    if (!reason || !choosing) return;
    const mark = {
      field: null,
      document: null,
      missing_kind: null,
      code: reason.code,
      text: this.text.trim(),
      label: reason.label,
    };
    if (choosing.kind === 'document') {
      if (choosing.verdict === 'returned') this.mark({ ...mark, document: choosing.id });
      void this.judge(choosing.id, choosing.verdict, reason.code);
    } else if (choosing.kind === 'field') {
      this.mark({ ...mark, field: choosing.key });
      this.choosing = null;
      this.text = '';
    } else if (choosing.kind === 'missing') {
      this.mark({ ...mark, missing_kind: choosing.paper });
      this.choosing = null;
      this.text = '';
    } else if (choosing.kind === 'reject') this.rejectCode = reason.code;
    else {
      const shown = this.selected || (this.cards[0]?.id ?? '');
      if (shown !== '') this.mark({ ...mark, document: shown });
      this.text = '';
    }
  }

  private mark(mark: Mark): void {
    const same = (other: Mark): boolean =>
      other.field === mark.field && other.document === mark.document && other.missing_kind === mark.missing_kind;
    this.marks = [...this.marks.filter((other) => !same(other)), mark];
  }

  unmark(mark: Mark): void {
    this.marks = this.marks.filter((other) => other !== mark);
  }

  ask(what: 'return' | 'reject'): void {
    if (!this.can(`review_${what}`) || this.held) return;
    this.choosing = { kind: what };
  }

  private hold(label: string, run: () => Promise<unknown>): void {
    const { id, case_no } = this.screen().case;
    waiting.add(id);
    failed.delete(id);
    const act = async (): Promise<void> => {
      try {
        await run();
        this.marks = [];
      } catch (thrown) {
        const error = asUiError(thrown);
        failed.set(id, error);
        toasts.show(`${case_no} · ${errorText(error).what}`);
      }
      session.tick += 1;
    };
    void toasts.hold(`${case_no} · ${t().review.held(label)}`, act).then((ran) => {
      waiting.delete(id);
      if (!ran) session.go('review', id);
    });
    void openNext(id);
  }

  /** What is marked to go back is not approved by a slip of the finger. */
  get mayApprove(): boolean {
    return this.can('review_approve') && !this.held && this.marks.length === 0;
  }

  approve(): void {
    if (!this.mayApprove) return;
    const { id } = this.screen().case;
    // The digest of what is on screen now, not of what may have arrived when the five seconds are over.
    const { digest } = this.screen().case.review;
    this.hold(t().review.approve, () => call('review_decide', { case: id, decision: { kind: 'approve', digest } }));
  }

  sendBack(): void {
    if (this.marks.length === 0 || this.held) return;
    const items = this.marks.map(({ field, document, missing_kind, code, text }) => ({
      field,
      document,
      missing_kind,
      code,
      text,
    }));
    const { id } = this.screen().case;
    this.choosing = null;
    this.hold(t().review.return, () => call('review_decide', { case: id, decision: { kind: 'return', items } }));
  }

  reject(): void {
    if (this.rejectCode === '' || this.held) return;
    const { id } = this.screen().case;
    const decision = { kind: 'reject', code: this.rejectCode, appeal: this.appeal.trim() } as const;
    this.choosing = null;
    this.hold(t().review.reject, () => call('review_decide', { case: id, decision }));
  }
}

/** The next case of the queue opens by itself; one that nobody has begun goes before one in somebody's hands. */
async function openNext(id: string): Promise<void> {
  const there = (): boolean => session.route.screen === 'review' && session.route.id === id;
  const page = await call('queue', { filter: 'review', after: null, limit: 50 }).catch(() => null);
  if (!there()) return;
  const rows = page?.rows ?? [];
  const at = rows.findIndex((row) => row.id === id);
  const others = [...rows.slice(at + 1), ...rows.slice(0, Math.max(0, at))].filter((row) => !waiting.has(row.id));
  const next = others.find((row) => row.state === 'submitted') ?? others[0];
  session.go('review', next?.id ?? '');
}
