/** How one paper is looked at: page, size, turn, and the place under the magnifier. */
import type { Letter } from './keys';

const MAX_ZOOM = 8;
const MIN_ZOOM = 0.1;
/** Room around a sheet that fits. */
const MARGIN = 24;
/** One press of an arrow key moves the magnifier by this share of the picture. */
const LOUPE_STEP = 0.04;

interface Point {
  x: number;
  y: number;
}

export class View {
  page = $state(0);
  zoom = $state<number | 'fit'>('fit');
  turn = $state(0);
  loupe = $state(false);
  /** The place under the magnifier, in pixels of the scan. */
  at = $state<Point>({ x: 0, y: 0 });
  natural = $state({ w: 0, h: 0 });
  box = $state({ w: 1, h: 1 });

  get sideways(): boolean {
    return this.turn % 180 !== 0;
  }

  get scale(): number {
    if (this.zoom !== 'fit') return this.zoom;
    const w = this.sideways ? this.natural.h : this.natural.w;
    const h = this.sideways ? this.natural.w : this.natural.h;
    return w === 0 ? 1 : Math.min((this.box.w - MARGIN) / w, (this.box.h - MARGIN) / h, 1);
  }

  /** Another paper: everything starts anew. */
  reset(): void {
    this.page = 0;
    this.turn = 0;
    this.zoom = 'fit';
  }

  loaded(image: HTMLImageElement): void {
    this.natural = { w: image.naturalWidth, h: image.naturalHeight };
    this.at = { x: this.natural.w / 2, y: this.natural.h / 2 };
  }

  by(factor: number): void {
    this.zoom = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, this.scale * factor));
  }

  rotate(): void {
    this.turn = (this.turn + 90) % 360;
  }

  /** Does what a letter of the viewer means; false for any other. */
  letter(letter: Letter | undefined): boolean {
    if (letter === 'zoom_in') this.by(1.25);
    else if (letter === 'zoom_out') this.by(0.8);
    else if (letter === 'fit') this.zoom = 'fit';
    else if (letter === 'full_size') this.zoom = 1;
    else if (letter === 'rotate') this.rotate();
    else if (letter === 'magnify') this.loupe = !this.loupe;
    else return false;
    return true;
  }

  /** From a vector on screen to one on the sheet as it was scanned. */
  private unturned(dx: number, dy: number): Point {
    const angle = (-this.turn * Math.PI) / 180;
    return { x: dx * Math.cos(angle) - dy * Math.sin(angle), y: dx * Math.sin(angle) + dy * Math.cos(angle) };
  }

  private put(x: number, y: number): void {
    this.at = { x: Math.min(this.natural.w, Math.max(0, x)), y: Math.min(this.natural.h, Math.max(0, y)) };
  }

  /** The pointer leads the magnifier. */
  point(event: PointerEvent, image: HTMLImageElement): void {
    if (!this.loupe) return;
    const sheet = image.getBoundingClientRect();
    const dx = (event.clientX - sheet.left - sheet.width / 2) / this.scale;
    const dy = (event.clientY - sheet.top - sheet.height / 2) / this.scale;
    const moved = this.unturned(dx, dy);
    this.put(this.natural.w / 2 + moved.x, this.natural.h / 2 + moved.y);
  }

  /** So do the arrow keys; false when there is no magnifier or another key. */
  arrow(event: KeyboardEvent): boolean {
    if (!this.loupe || event.ctrlKey || event.altKey || event.metaKey) return false;
    const step = this.natural.w * LOUPE_STEP;
    const moves: Record<string, [number, number]> = {
      ArrowLeft: [-step, 0],
      ArrowRight: [step, 0],
      ArrowUp: [0, -step],
      ArrowDown: [0, step],
    };
    const move = moves[event.key];
    if (!move) return false;
    const by = this.unturned(...move);
    this.put(this.at.x + by.x, this.at.y + by.y);
    return true;
  }
}
