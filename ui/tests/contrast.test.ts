import { describe, expect, it } from 'vitest';
import css from '../src/styles/tokens.css?raw';

type Theme = 'light' | 'dark';
const pairs = new Map<string, Record<Theme, string>>();
for (const found of css.matchAll(/--([a-z0-9-]+):\s*light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\)/g)) {
  pairs.set(found[1] as string, { light: found[2] as string, dark: found[3] as string });
}

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5]
    .map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function ratio(a: string, b: string, theme: Theme): number {
  const of = (name: string): number => luminance((pairs.get(name) as Record<Theme, string>)[theme]);
  const [high, low] = [of(a), of(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

const text: [string, string][] = [
  ...['text', 'muted', 'brand', 'ok', 'warn', 'danger', 'info'].flatMap((ink): [string, string][] => [
    [ink, 'bg'],
    [ink, 'surface'],
  ]),
  ['text', 'surface-2'],
  ['muted', 'surface-2'],
  ['on-brand', 'brand'],
  ['text', 'mark'],
  ['text', 'brand-soft'],
  ['muted', 'brand-soft'],
  ...['brand', 'ok', 'warn', 'danger', 'info'].map((ink): [string, string] => [ink, `${ink}-soft`]),
];

describe.each(['light', 'dark'] as const)('colours of the %s theme', (theme) => {
  it.each(text)('text %s on %s has at least 4.5:1', (ink, ground) => {
    expect(ratio(ink, ground, theme)).toBeGreaterThanOrEqual(4.5);
  });

  it.each([
    ['border-control', 'surface'],
    ['border-control', 'bg'],
    ['focus', 'bg'],
    ['focus', 'surface'],
  ])('control line %s on %s has at least 3:1', (line, ground) => {
    expect(ratio(line, ground, theme)).toBeGreaterThanOrEqual(3);
  });
});
