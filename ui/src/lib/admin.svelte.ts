/** The admin's place. Everything is asked of the server when it is looked at; nothing of it is kept. */
import { asUiError, call } from './bridge';
import type { AdminDeskView, AdminDo, AdminDone, AdminOverviewView, AdminPersonView, UiError } from './dto';
import { session } from './session.svelte';

export const TABS = ['people', 'desks', 'offices', 'policy', 'log'] as const;
export type Tab = (typeof TABS)[number];

/** A role of people; `system` is nobody's. */
export const ROLES = ['agent', 'clerk', 'reviewer', 'operator', 'supervisor', 'admin', 'auditor'] as const;
export const EMPLOYERS = ['acquirer', 'outsourcer'] as const;

/** What is shown once, and to whom it goes. */
export interface Shown {
  done: AdminDone;
  /** Name and login of a person; none for a desk. */
  person: { name: string; login: string } | null;
}

/** Troubles of the line: here nothing goes on by itself, so the person is told to try again. */
export function onlineError(error: UiError): UiError {
  const line = /^(sync\.(offline|portal|server_trouble|stopped)|server\.)/.test(error.code);
  return line ? { ...error, code: 'admin.offline', retryable: true } : error;
}

/** What has to be typed before a desk can be ordered to destroy what it holds. */
export const deskName = (desk: Pick<AdminDeskView, 'office' | 'device_code'>): string =>
  `${desk.office}-${desk.device_code}`;

/** Typed by a person: case, blanks and hyphens do not count. */
export function namesDesk(desk: Pick<AdminDeskView, 'office' | 'device_code'>, typed: string): boolean {
  const plain = (text: string): string => text.normalize('NFKC').replace(/[\s-]/g, '').toUpperCase();
  return plain(typed) === plain(deskName(desk));
}

/** The part that was open last, while the window lives. */
let last: Tab = 'people';

export class AdminWork {
  overview = $state<AdminOverviewView | null>(null);
  error = $state<UiError | null>(null);
  /** Of the last act; what was typed stays where it is. */
  refusal = $state<UiError | null>(null);
  busy = $state(false);
  shown = $state<Shown | null>(null);
  /** Counts up after each act: lists read it to load anew. */
  acts = $state(0);

  get tab(): Tab {
    const asked = session.route.id as Tab;
    return TABS.includes(asked) ? asked : last;
  }

  open(tab: Tab): void {
    last = tab;
    this.refusal = null;
    session.go('admin', tab);
  }

  officeName(code: string): string {
    return this.overview?.offices.find((office) => office.code === code)?.name ?? '';
  }

  get offices(): { value: string; label: string }[] {
    return (this.overview?.offices ?? []).map(({ code, name }) => ({ value: code, label: `${code} ${name}` }));
  }

  adopt(overview: AdminOverviewView): void {
    this.overview = overview;
    session.desksWaiting = overview.offices.reduce((sum, office) => sum + office.waiting, 0);
  }

  async load(): Promise<void> {
    try {
      const { overview } = await call('admin_view', { page: 'overview' });
      if (overview) this.adopt(overview);
      this.error = null;
    } catch (thrown) {
      this.error = onlineError(asUiError(thrown));
    }
  }

  /** True when it is done. A code in the answer opens its dialog. */
  async act(args: AdminDo, person: AdminPersonView | { name: string; login: string } | null = null): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.refusal = null;
    try {
      const done = await call('admin_act', args);
      if (done.overview) this.adopt(done.overview);
      const once = done.code !== null || done.factor !== null || done.desks.length > 0;
      if (once) this.shown = { done, person: person && { name: person.name, login: person.login } };
      this.acts += 1;
      if (!done.overview) void this.load();
      return true;
    } catch (thrown) {
      this.refusal = onlineError(asUiError(thrown));
      return false;
    } finally {
      this.busy = false;
    }
  }
}

/** A list that is read page by page. */
export class Pages<Row> {
  rows = $state<Row[]>([]);
  more = $state(false);
  error = $state<UiError | null>(null);
  busy = $state(false);
  loaded = $state(false);
  private asked = 0;

  /** `ask` gets the last row of the page before, none for the first; an overtaken answer is dropped. */
  async read(ask: (last: Row | undefined) => Promise<{ rows: Row[]; more: boolean }>, next = false): Promise<void> {
    const mine = ++this.asked;
    this.busy = true;
    try {
      const page = await ask(next ? this.rows.at(-1) : undefined);
      if (mine !== this.asked) return;
      this.rows = next ? [...this.rows, ...page.rows] : page.rows;
      this.more = page.more;
      this.error = null;
      this.loaded = true;
    } catch (thrown) {
      if (mine === this.asked) this.error = onlineError(asUiError(thrown));
    } finally {
      if (mine === this.asked) this.busy = false;
    }
  }
}
