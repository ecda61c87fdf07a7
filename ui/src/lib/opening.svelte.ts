/** The case that is open in the six steps, shared by the frame (lock, keys) and the screens. */
import { asUiError, call } from './bridge';
import { CaseDesk } from './case.svelte';
import type { UiError } from './dto';
import { session } from './session.svelte';

class Opening {
  desk = new CaseDesk();
  error = $state<UiError | null>(null);

  /** Forgets the case on screen; its text is in the store. */
  reset(): void {
    this.desk = new CaseDesk();
    this.error = null;
  }

  /** Opens a new case and goes to its first step. */
  async create(callRef: string | null): Promise<void> {
    try {
      await this.desk.flush();
      const screen = await call('case_new', { call_ref: callRef, channel: callRef === null ? null : 'phone' });
      this.desk.local = {};
      this.desk.adopt(screen);
      this.error = null;
      session.go('case', screen.id, 'intake');
      await session.refresh();
    } catch (thrown) {
      this.error = asUiError(thrown);
    }
  }

  /** Shows a case; what was being typed in another one goes to disk first. */
  async show(id: string): Promise<void> {
    if (this.desk.screen?.id === id) return;
    await this.desk.flush();
    this.desk.local = {};
    this.desk.screen = null;
    await this.desk.open(id);
  }
}

export const opening = new Opening();
