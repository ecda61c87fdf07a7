/** Files on their way in. Each is an object of its own: what fails stays listed with its reason, nothing else is touched. */
import { asUiError, call } from './bridge';
import type { TrayItem, UiError } from './dto';

const MAX_BYTES = 20 * 1024 * 1024;

export interface Incoming {
  id: number;
  name: string;
  error: UiError | null;
}

let next = 1;

/** The bytes of a file in base64, read by the browser, off the typing path. */
export function base64Of(file: Blob): Promise<string> {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result).replace(/^[^,]*,/, ''));
    reader.onerror = () => fail(reader.error ?? new Error('unreadable file'));
    reader.readAsDataURL(file);
  });
}

class Intake {
  incoming = $state<Incoming[]>([]);
  tray = $state<TrayItem[]>([]);

  async reload(): Promise<void> {
    try {
      this.tray = await call('document_tray', {});
    } catch {
      // The tray is a convenience beside the case; its absence is shown by the sync badge, not by a second error.
      this.tray = [];
    }
  }

  /** Adds files to a case (or to the tray); answers how many went in. */
  async add(files: readonly File[], kind: string, caseId: string | null, replaces: string | null): Promise<number> {
    let added = 0;
    for (const file of files) added += (await this.one(file, kind, caseId, replaces)) ? 1 : 0;
    return added;
  }

  private async one(file: File, kind: string, caseId: string | null, replaces: string | null): Promise<boolean> {
    const id = next++;
    this.incoming.push({ id, name: file.name, error: null });
    try {
      if (file.size > MAX_BYTES)
        throw { code: 'media.too_large', message: '', field: null, retryable: false, incident: null, params: {} };
      const bytes = file.size === 0 ? '' : await base64Of(file);
      await call('document_add', { case: caseId, kind, name: file.name, bytes, replaces });
      this.drop(id);
      return true;
    } catch (thrown) {
      const entry = this.incoming.find((item) => item.id === id);
      if (entry) entry.error = asUiError(thrown);
      return false;
    }
  }

  drop(id: number): void {
    this.incoming = this.incoming.filter((item) => item.id !== id);
  }
}

export const intake = new Intake();
