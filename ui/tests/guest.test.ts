/** The pages for merchants' phones: what old browsers can read, and words for everything that the server may say. */
import { parse } from 'acorn';
import { describe, expect, test } from 'vitest';
import { en } from '../src/lib/i18n/en';
import { zh } from '../src/lib/i18n/zh';

const files = import.meta.glob<string>('../../assets/guest/*.js', { query: '?raw', import: 'default', eager: true });
const scripts = Object.keys(files);
const read = (name: string): string => files[name] ?? '';

interface Language {
  [key: string]: unknown;
}

interface Shape {
  all: Record<'zh' | 'en', Language>;
  papers: Record<'zh' | 'en', Record<string, string>>;
}

const words = new Function(`${read('../../assets/guest/words.js')}; return Words;`)() as Shape;

/** Every path of a tree of words. */
function paths(tree: unknown, at = ''): string[] {
  if (typeof tree !== 'object' || tree === null) return [at];
  return Object.entries(tree).flatMap(([key, inner]) => paths(inner, `${at}/${key}`));
}

describe('pages for phones', () => {
  test('are found', () => {
    expect(scripts).toHaveLength(6);
  });

  test.each(scripts)('%s is ES5', (name) => {
    expect(() => parse(read(name), { ecmaVersion: 5 })).not.toThrow();
  });

  test.each(scripts)('%s makes no HTML of data', (name) => {
    expect(read(name)).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
  });

  test('both languages say the same things', () => {
    expect(paths(words.all.en)).toEqual(paths(words.all.zh));
  });

  test('a paper is called on the phone as it is on the desk', () => {
    expect(words.papers.zh).toEqual(zh.document);
    expect(words.papers.en).toEqual(en.document);
  });
});
