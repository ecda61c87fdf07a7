/** Who is here, which screen is open, what the host last said. One object for the whole window. */
import { asUiError, call, onChanged } from './bridge';
import type { AppStatus, Changed, FormSpec, Settings, UiError } from './dto';
import { setLanguage } from './i18n.svelte';

export const SCREENS = [
  'workbench',
  'new_case',
  'calls',
  'merchants',
  'review',
  'knowledge',
  'supervisor',
  'sync',
  'notifications',
] as const;
export type Screen = (typeof SCREENS)[number] | 'case' | 'conflicts' | 'settings' | 'admin';
export const STEPS = ['intake', 'identity', 'diagnosis', 'documents', 'form', 'submit'] as const;
export type Step = (typeof STEPS)[number];

export interface Route {
  screen: Screen;
  id: string;
  step: Step;
}

/** `#/case/<id>/<step>`; anything else opens the workbench. */
export function parseRoute(hash: string): Route {
  const [screen = '', id = '', step = ''] = hash.replace(/^#\//, '').split('/').map(decodeURIComponent);
  const known = ([...SCREENS, 'case', 'conflicts', 'settings', 'admin'] as string[]).includes(screen);
  return {
    screen: known ? (screen as Screen) : 'workbench',
    id,
    step: (STEPS as readonly string[]).includes(step) ? (step as Step) : 'intake',
  };
}

class Session {
  status = $state<AppStatus | null>(null);
  error = $state<UiError | null>(null);
  spec = $state<FormSpec | null>(null);
  route = $state<Route>(parseRoute(''));
  /** Counts up with every `changed`; screens read it to reload. */
  tick = $state(0);
  changed = $state<Changed | null>(null);
  /** Desks that wait for an approval, as the admin's place was told last. */
  desksWaiting = $state(0);
  palette = $state(false);
  cheatSheet = $state(false);
  /** Chosen before there was a desk to keep it. */
  private chosen: Partial<Settings> = {};

  get settings(): Settings {
    return (
      this.status?.settings ?? {
        theme: 'system',
        language: 'zh-CN',
        text_px: 14,
        single_letters: true,
        idle_lock_s: 300,
        last_screen: 'workbench',
      }
    );
  }

  has(role: string): boolean {
    return this.status?.user?.roles.includes(role) ?? false;
  }

  /** Admins administer through a server; without one there is nothing to administer. */
  get administers(): boolean {
    return this.has('admin') && this.status?.standalone === false && this.status.server_url !== null;
  }

  async start(): Promise<() => void> {
    this.route = parseRoute(location.hash);
    const onHash = (): void => {
      this.route = parseRoute(location.hash);
    };
    window.addEventListener('hashchange', onHash);
    const stop = onChanged((changed) => {
      this.changed = changed;
      this.tick += 1;
      void this.refresh();
    });
    await this.refresh();
    return () => {
      window.removeEventListener('hashchange', onHash);
      stop();
    };
  }

  async refresh(): Promise<void> {
    try {
      this.adopt(await call('app_status', {}));
      this.error = null;
    } catch (thrown) {
      this.error = asUiError(thrown);
    }
  }

  adopt(status: AppStatus): void {
    const shut = status.phase !== 'ready';
    // A shut desk knows no settings: the window keeps the look it had.
    if (shut && this.status) status.settings = this.status.settings;
    this.status = status;
    if (shut || !this.administers) this.desksWaiting = 0;
    if (!shut && Object.keys(this.chosen).length > 0) {
      const chosen = this.chosen;
      this.chosen = {};
      void this.set(chosen);
    }
    applyLook(status.settings);
    if (status.phase === 'ready' && this.spec === null) {
      call('form_spec', {}).then(
        (spec) => (this.spec = spec),
        (thrown: unknown) => (this.error = asUiError(thrown)),
      );
    }
  }

  async set(change: Partial<Settings>): Promise<void> {
    const settings = { ...this.settings, ...change };
    applyLook(settings);
    if (this.status) this.status.settings = settings;
    if (this.status?.phase !== 'ready') {
      this.chosen = { ...this.chosen, ...change };
      return;
    }
    try {
      await call('settings_set', settings);
    } catch (thrown) {
      this.error = asUiError(thrown);
    }
  }

  go(screen: Screen, id = '', step: Step | '' = ''): void {
    const parts = [screen, id, step].filter((part) => part !== '').map(encodeURIComponent);
    location.hash = `#/${parts.join('/')}`;
    this.route = parseRoute(location.hash);
  }
}

function applyLook(settings: Settings): void {
  const root = document.documentElement;
  root.dataset['theme'] = settings.theme;
  // Through the style object, which the content policy allows; never through an attribute.
  root.style.fontSize = `${Math.min(20, Math.max(12, settings.text_px))}px`;
  setLanguage(settings.language);
}

export const session = new Session();
