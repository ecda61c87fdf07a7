/** Short messages, and actions that are held for some seconds so that they can be undone. */
export interface Toast {
  id: number;
  text: string;
  undo: (() => void) | null;
}

const SHOW_MS = 4000;
let next = 1;

class Toasts {
  list = $state<Toast[]>([]);

  show(text: string): void {
    this.add(text, null, SHOW_MS);
  }

  private add(text: string, undo: (() => void) | null, ms: number): number {
    const id = next++;
    this.list.push({ id, text, undo });
    setTimeout(() => this.drop(id), ms);
    return id;
  }

  drop(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }

  /** Runs `act` after `ms` unless it is undone before: held, not faked. Resolves true when it ran. */
  hold(text: string, act: () => Promise<void>, ms = 5000): Promise<boolean> {
    return new Promise((done) => {
      const timer = setTimeout(() => {
        this.drop(id);
        void act().then(() => done(true));
      }, ms);
      const id = this.add(
        text,
        () => {
          clearTimeout(timer);
          this.drop(id);
          done(false);
        },
        ms + 100,
      );
    });
  }
}

export const toasts = new Toasts();
