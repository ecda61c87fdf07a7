import { expect, it } from 'vitest';
import { Mask } from '../src/lib/mask.svelte';
import { View } from '../src/lib/viewer.svelte';

const press = (key: string): KeyboardEvent => new KeyboardEvent('keydown', { key });

function looking(): View {
  const view = new View();
  view.natural = { w: 1000, h: 500 };
  view.at = { x: 500, y: 250 };
  return view;
}

it('arrows_move_the_magnifier_and_nothing_without_it', () => {
  const view = looking();
  expect(view.arrow(press('ArrowRight'))).toBe(false);
  view.letter('magnify');
  expect(view.arrow(press('a'))).toBe(false);
  expect(view.arrow(press('ArrowRight'))).toBe(true);
  expect(view.at).toEqual({ x: 540, y: 250 });
});

it('on_a_turned_sheet_right_is_still_right', () => {
  const view = looking();
  view.letter('magnify');
  view.letter('rotate');
  view.arrow(press('ArrowRight'));
  expect([Math.round(view.at.x), Math.round(view.at.y)]).toEqual([500, 210]);
});

it('the_magnifier_stays_on_the_sheet', () => {
  const view = looking();
  view.letter('magnify');
  for (let n = 0; n < 50; n += 1) view.arrow(press('ArrowUp'));
  expect(view.at).toEqual({ x: 500, y: 0 });
});

it('zoom_is_bounded_and_fit_comes_back', () => {
  const view = looking();
  view.box = { w: 524, h: 274 };
  expect(view.scale).toBe(0.5);
  for (let n = 0; n < 40; n += 1) view.letter('zoom_in');
  expect(view.scale).toBe(8);
  view.letter('fit');
  expect(view.scale).toBe(0.5);
});

it('areas_are_covered_by_keyboard_and_by_pointer_and_taken_back', () => {
  const mask = new Mask();
  expect(mask.key(press('Enter'))).toBe(false);
  mask.toggle();
  const before = { ...mask.frame };
  mask.key(press('ArrowLeft'));
  mask.key(new KeyboardEvent('keydown', { key: 'ArrowDown', shiftKey: true }));
  mask.key(press('Enter'));
  expect(mask.areas).toEqual([{ ...before, x: before.x - 150, height: before.height + 150 }]);
  mask.drag({ x: 0.9, y: 0.5 }, { x: 0.5, y: 0.25 });
  expect(mask.areas[1]).toEqual({ x: 5000, y: 2500, width: 4000, height: 2500 });
  mask.drag({ x: 0.5, y: 0.5 }, { x: 0.501, y: 0.5 });
  expect(mask.areas).toHaveLength(2);
  mask.key(press('Backspace'));
  expect(mask.areas).toHaveLength(1);
  for (let n = 0; n < 100; n += 1) mask.key(press('ArrowRight'));
  expect(mask.frame.x + mask.frame.width).toBe(10_000);
  mask.key(press('Escape'));
  expect([mask.on, mask.areas.length]).toEqual([false, 0]);
});
