/** What the sync centre shows and does; its parts share one of these. */
import { asUiError, call } from './bridge';
import { copyText } from './clipboard';
import type { SyncAct, SyncScreen, UiError } from './dto';
import { errorText, t } from './i18n.svelte';
import { toasts } from './toast.svelte';

export class SyncWork {
  screen = $state<SyncScreen | null>(null);
  error = $state<UiError | null>(null);
  busy = $state(false);
  signing = $state(false);
  /** Where the diagnostics were saved last. */
  savedAt = $state('');
  private asked = 0;

  async load(): Promise<void> {
    await this.ask(() => call('sync_status', {}));
  }

  async now(): Promise<void> {
    this.busy = true;
    await this.ask(() => call('sync_now', {}));
    this.busy = false;
  }

  /** An answer that a later question has overtaken is dropped: progress never runs backwards on screen. */
  private async ask(question: () => Promise<SyncScreen>): Promise<void> {
    const mine = ++this.asked;
    try {
      const screen = await question();
      if (mine !== this.asked) return;
      this.screen = screen;
      this.error = null;
    } catch (thrown) {
      if (mine === this.asked) this.error = asUiError(thrown);
    }
  }

  /** One thing about one row: sent again, let be, or seen. */
  async act(act: SyncAct): Promise<boolean> {
    this.busy = true;
    await this.ask(() => call('sync_act', act));
    this.busy = false;
    return this.error === null;
  }

  async copy(): Promise<void> {
    await this.attempt(async () => {
      const { text } = await call('sync_diagnostics', { save: null });
      toasts.show((await copyText(text)) ? t().sync.copied : t().sync.not_copied);
    });
  }

  async save(): Promise<void> {
    await this.attempt(async () => {
      this.savedAt = (await call('sync_diagnostics', { save: true })).path ?? '';
    });
  }

  private async attempt(run: () => Promise<void>): Promise<void> {
    try {
      await run();
      this.error = null;
    } catch (thrown) {
      this.error = asUiError(thrown);
    }
  }
}

/** Why something waits, in words: our own reasons first, then the codes of the rules and of the server. */
export function reasonText(reason: string): string {
  return t().sync.reason[reason] ?? errorText({ code: reason }).what;
}

/** `3 分钟`, `45 秒`: for how far a clock is off. */
export function span(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1000);
  if (seconds < 120) return t().sync.seconds(seconds);
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? t().sync.minutes(minutes) : t().sync.hours(Math.round(minutes / 60));
}
