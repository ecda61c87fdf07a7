/** The upload links of one case: asked for by the agent, watched while one is in force. */
import { asUiError, call } from './bridge';
import type { LinkMadeView, MerchantLinkView, UiError } from './dto';

/** How often the server is asked while a link is in force and the panel is on screen. */
export const WATCH_MS = 3000;

export type LinkAct = 'look' | 'show' | 'text_registered' | 'text_caller' | 'end';

export class MerchantLink {
  view = $state<MerchantLinkView | null>(null);
  /** The link just made: its token is in no other answer. */
  made = $state<LinkMadeView | null>(null);
  error = $state<UiError | null>(null);
  busy = $state(false);

  constructor(private readonly caseId: string) {}

  get watching(): boolean {
    return (this.view?.active.length ?? 0) > 0;
  }

  async act(act: Exclude<LinkAct, 'look'>): Promise<void> {
    this.busy = true;
    this.error = null;
    try {
      const view = await call('merchant_link', { case: this.caseId, act });
      this.view = view;
      this.made = act === 'end' ? null : view.made;
    } catch (thrown) {
      this.error = asUiError(thrown);
    } finally {
      this.busy = false;
    }
  }

  /** A look that fails changes nothing on screen: the sync badge tells when the server is away. */
  async look(): Promise<void> {
    if (this.busy) return;
    try {
      const view = await call('merchant_link', { case: this.caseId, act: 'look' });
      if (!this.busy) this.view = view;
    } catch {
      return;
    }
  }
}
