/** What a screen reads from the host: the last answer stays on screen while the next one is fetched. */
import { asUiError } from './bridge';
import type { UiError } from './dto';

export class Loaded<T> {
  value = $state<T | null>(null);
  error = $state<UiError | null>(null);
  busy = $state(false);
  private asked = 0;

  /** Asks; an answer that a later question has overtaken is dropped. */
  async load(ask: () => Promise<T>): Promise<void> {
    const mine = ++this.asked;
    this.busy = true;
    try {
      const value = await ask();
      if (mine !== this.asked) return;
      this.value = value;
      this.error = null;
    } catch (thrown) {
      if (mine === this.asked) this.error = asUiError(thrown);
    } finally {
      if (mine === this.asked) this.busy = false;
    }
  }
}
