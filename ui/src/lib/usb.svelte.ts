/** The hand-over by stick: where it can go, how far it is, what came of it. */
import { asUiError, call } from './bridge';
import type { UiError, UsbScreen, UsbTaken, UsbWritten } from './dto';
import { session } from './session.svelte';

/** How often a running hand-over is looked at. */
const LOOK_MS = 500;

export class UsbWork {
  screen = $state<UsbScreen | null>(null);
  /** A place of the list, or a folder that was typed. */
  folder = $state('');
  /** A return bundle that is in none of the places. */
  file = $state('');
  written = $state<UsbWritten | null>(null);
  taken = $state<UsbTaken | null>(null);
  error = $state<UiError | null>(null);
  busy = $state<'' | 'export' | 'import'>('');

  async load(): Promise<void> {
    try {
      this.screen = await call('usb_places', {});
      const places = this.screen.places.filter((place) => place.writable);
      if (this.folder === '' && places[0]) this.folder = places[0].path;
    } catch (thrown) {
      this.error = asUiError(thrown);
    }
  }

  async export(): Promise<void> {
    await this.run('export', async () => {
      this.written = await call('usb_export', { folder: this.folder.trim() });
    });
  }

  async import(path: string): Promise<void> {
    await this.run('import', async () => {
      this.taken = await call('usb_import', { path });
    });
  }

  /** A call without a folder stops what runs. */
  async stop(): Promise<void> {
    await call('usb_export', { folder: null }).catch(() => undefined);
  }

  private async run(what: 'export' | 'import', act: () => Promise<void>): Promise<void> {
    this.busy = what;
    this.error = null;
    this.written = null;
    this.taken = null;
    const looking = setInterval(() => void this.load(), LOOK_MS);
    try {
      await act();
    } catch (thrown) {
      this.error = asUiError(thrown);
    } finally {
      clearInterval(looking);
      this.busy = '';
      await this.load();
      session.tick += 1;
    }
  }
}
