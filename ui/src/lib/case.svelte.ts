/**
 * One open case on screen. Text that a person is typing lives here until the host has accepted it: every key goes to
 * the draft within 250 ms, a commit follows on blur, and nothing that arrives from elsewhere touches a dirty field.
 */
import { asUiError, call } from './bridge';
import type { ArgsOf, Command, ResultOf } from './commands';
import type { CaseMove, CaseScreen, FieldView, UiError } from './dto';

export const DRAFT_MS = 250;

/** The submit was refused for what the missing list already says. */
export function isIncomplete(error: Pick<UiError, 'code'>): boolean {
  return error.code === 'case.incomplete' || error.code === 'submit.incomplete';
}

interface Local {
  text: string;
  saving: boolean;
  error: UiError | null;
  /** Revision that the person saw when the typing began. */
  base: string | null;
}

export class CaseDesk {
  screen = $state<CaseScreen | null>(null);
  error = $state<UiError | null>(null);
  busy = $state('');
  local = $state<Record<string, Local>>({});
  // eslint-disable-next-line svelte/prefer-svelte-reactivity -- timers are never shown
  private timers = new Map<string, ReturnType<typeof setTimeout>>();

  view(key: string): FieldView | undefined {
    return this.screen?.fields[key];
  }

  text(key: string): string {
    const view = this.view(key);
    return this.local[key]?.text ?? view?.draft ?? view?.raw ?? '';
  }

  async open(id: string): Promise<void> {
    await this.run('case_open', { case: id });
  }

  adopt(screen: CaseScreen): void {
    this.screen = screen;
    this.error = null;
  }

  /** Runs a command that answers with the case; the error, if any, is kept for the screen and returned as false. */
  async run<C extends Command>(command: C, args: ArgsOf<C>): Promise<boolean> {
    this.busy = command;
    try {
      const result: ResultOf<C> = await call(command, args);
      this.take(result);
      return true;
    } catch (thrown) {
      this.error = asUiError(thrown);
      return false;
    } finally {
      this.busy = '';
    }
  }

  /** A move of the open case: wait, resume, withdraw, finish, hold, close, reopen. */
  async move(act: CaseMove): Promise<boolean> {
    return this.screen !== null && this.run('case_move', { case: this.screen.id, act });
  }

  private take(result: unknown): void {
    if (typeof result !== 'object' || result === null) return;
    if ('case' in result && typeof result.case === 'object') this.adopt(result.case as CaseScreen);
    else if ('fields' in result) this.adopt(result as CaseScreen);
  }

  /** A key was pressed: the text is on disk within the debounce. */
  type(key: string, text: string): void {
    const known = this.local[key];
    if (known) known.text = text;
    else this.local[key] = { text, saving: false, error: null, base: this.view(key)?.rev ?? null };
    clearTimeout(this.timers.get(key));
    this.timers.set(
      key,
      setTimeout(() => void this.keep(key), DRAFT_MS),
    );
  }

  private async keep(key: string): Promise<void> {
    this.timers.delete(key);
    const entry = this.local[key];
    if (!entry || !this.screen) return;
    try {
      await call('draft_put', { case: this.screen.id, field: key, raw: entry.text });
    } catch (thrown) {
      entry.error = asUiError(thrown);
    }
  }

  /** Writes every waiting draft now: before a lock, a close or a change of screen. */
  async flush(): Promise<void> {
    const waiting = [...this.timers.keys()];
    for (const key of waiting) clearTimeout(this.timers.get(key));
    await Promise.all(waiting.map((key) => this.keep(key)));
  }

  /** Blur, Enter or a choice: the value becomes a fact, or the text stays with the reason beside it. */
  async commit(key: string, accept: Record<string, string> = {}): Promise<boolean> {
    const entry = this.local[key];
    if (!entry || !this.screen) return true;
    clearTimeout(this.timers.get(key));
    this.timers.delete(key);
    // The host folds code-like fields; names and words stay as they were typed.
    const sent = entry.text;
    const view = this.view(key);
    if (view?.draft === null && (view.raw ?? '') === sent && !view.masked) {
      await this.keep(key);
      this.local = without(this.local, key);
      return true;
    }
    return this.send(key, entry, sent, accept);
  }

  private async send(key: string, entry: Local, raw: string, accept: Record<string, string>): Promise<boolean> {
    if (!this.screen) return false;
    entry.saving = true;
    const typed = entry.text;
    try {
      const args = { case: this.screen.id, field: key, raw, source: 'spoken', base: entry.base, accept };
      const screen = await call('field_set', args);
      this.adopt(screen);
      // Typing may have gone on while the host worked; only what was sent is let go.
      if (this.local[key]?.text === typed) this.local = without(this.local, key);
      return true;
    } catch (thrown) {
      entry.error = asUiError(thrown);
      return false;
    } finally {
      entry.saving = false;
    }
  }

  /** A choice or a flag: said and committed at once. */
  async choose(key: string, value: string): Promise<boolean> {
    this.type(key, value);
    return this.commit(key);
  }

  /** Opens a masked value for typing it anew. */
  retype(key: string): void {
    this.local[key] = { text: '', saving: false, error: null, base: this.view(key)?.rev ?? null };
  }

  forget(key: string): void {
    clearTimeout(this.timers.get(key));
    this.timers.delete(key);
    this.local = without(this.local, key);
  }
}

function without<T>(record: Record<string, T>, key: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
}
