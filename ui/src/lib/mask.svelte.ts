/** Areas to be covered on one page, drawn by pointer or by keyboard, in ten-thousandths of the picture. */
import type { MaskArea } from './dto';

const WHOLE = 10_000;
const STEP = 150;
const LEAST = 100;
const START: MaskArea = { x: 3_500, y: 4_000, width: 3_000, height: 800 };

const within = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));

export class Mask {
  on = $state(false);
  areas = $state<MaskArea[]>([]);
  /** The frame that the arrow keys move; Enter makes it an area. */
  frame = $state<MaskArea>({ ...START });
  busy = $state(false);

  toggle(): void {
    this.on = !this.on;
    this.areas = [];
    this.frame = { ...START };
  }

  /** Arrows move, with Shift they resize, Enter covers, Backspace takes the last one back, Escape leaves. */
  key(event: KeyboardEvent): boolean {
    if (!this.on || event.ctrlKey || event.altKey || event.metaKey) return false;
    const moves: Record<string, [number, number]> = {
      ArrowLeft: [-STEP, 0],
      ArrowRight: [STEP, 0],
      ArrowUp: [0, -STEP],
      ArrowDown: [0, STEP],
    };
    const move = moves[event.key];
    if (move) this.shift(move, event.shiftKey);
    else if (event.key === 'Enter') this.add(this.frame);
    else if (event.key === 'Backspace') this.areas = this.areas.slice(0, -1);
    else if (event.key === 'Escape') this.toggle();
    else return false;
    return true;
  }

  private shift([dx, dy]: [number, number], resize: boolean): void {
    const { x, y, width, height } = this.frame;
    this.frame = resize
      ? {
          x,
          y,
          width: within(width + dx, LEAST, WHOLE - x),
          height: within(height + dy, LEAST, WHOLE - y),
        }
      : { x: within(x + dx, 0, WHOLE - width), y: within(y + dy, 0, WHOLE - height), width, height };
  }

  add(area: MaskArea): void {
    this.areas = [...this.areas, { ...area }];
  }

  /** From two corners, as shares of the picture; a slip of the pointer covers nothing. */
  drag(from: { x: number; y: number }, to: { x: number; y: number }): void {
    const part = (share: number): number => within(Math.round(share * WHOLE), 0, WHOLE);
    const [x, y] = [part(Math.min(from.x, to.x)), part(Math.min(from.y, to.y))];
    const [width, height] = [part(Math.max(from.x, to.x)) - x, part(Math.max(from.y, to.y)) - y];
    if (width >= LEAST && height >= LEAST) this.add({ x, y, width, height });
  }
}
