import { describe, expect, it } from 'vitest';
import { diffChars } from '../src/lib/diff';
import { clock, date, dayName, money, shortTime, size } from '../src/lib/format';
import { en } from '../src/lib/i18n/en';
import { zh } from '../src/lib/i18n/zh';

const INSTANT = Date.UTC(2026, 10, 22, 16, 30);

describe('time is Asia/Shanghai, whatever the PC says', () => {
  it('shows_the_next_day_after_16_utc', () => {
    expect(date(INSTANT)).toBe('2026-11-23');
    expect(clock(INSTANT)).toBe('00:30');
  });
  it('shortens_by_the_day_of_shanghai', () => {
    expect(shortTime(INSTANT, INSTANT + 3_600_000)).toBe('00:30');
    expect(shortTime(INSTANT, INSTANT - 3_600_000)).toBe('11-23 00:30');
  });
  it('names_the_weekday_in_chinese', () => {
    expect(dayName(Date.UTC(2026, 10, 22, 4), 'zh')).toBe('11月22日（周日）');
  });
});

it('money_groups_by_three', () => {
  expect(money(129_900)).toBe('¥1,299.00');
  expect(money(123_456_789_05)).toBe('¥123,456,789.05');
  expect(money(5)).toBe('¥0.05');
});

it('sizes_read_well', () => {
  expect([size(12), size(2048), size(1_572_864)]).toEqual(['12 B', '2 KB', '1.5 MB']);
});

describe('differing characters', () => {
  it('marks_only_what_differs', () => {
    const { left, right } = diffChars('N620AB7', 'N620A87');
    expect(left).toEqual([
      { text: 'N620A', differs: false },
      { text: 'B', differs: true },
      { text: '7', differs: false },
    ]);
    expect(right.filter((piece) => piece.differs)).toEqual([{ text: '8', differs: true }]);
  });
  it('keeps_characters_outside_the_basic_plane_whole', () => {
    const { left } = diffChars('𠮷野家', '吉野家');
    expect(left[0]).toEqual({ text: '𠮷', differs: true });
  });
  it('loses_nothing', () => {
    const { left, right } = diffChars('杭州测试商行', '杭州市测试行');
    expect(left.map((piece) => piece.text).join('')).toBe('杭州测试商行');
    expect(right.map((piece) => piece.text).join('')).toBe('杭州市测试行');
  });
});

function leaves(node: unknown, path = ''): [string, string][] {
  if (typeof node === 'string') return [[path, node]];
  if (typeof node === 'function') return [[path, String((node as (...a: unknown[]) => string)(1, 2, 3))]];
  return Object.entries(node as object).flatMap(([key, value]) => leaves(value, `${path}.${key}`));
}

describe('catalogues', () => {
  it('have_the_same_keys', () => {
    expect(leaves(en).map(([path]) => path)).toEqual(leaves(zh).map(([path]) => path));
  });
  it('have_no_english_words_in_the_chinese_one', () => {
    const english = leaves(zh).filter(([, text]) => /[A-Za-z]{2,}/.test(text.replace(/ MB\b|\.jbx\b/g, '')));
    expect(english).toEqual([]);
  });
});
