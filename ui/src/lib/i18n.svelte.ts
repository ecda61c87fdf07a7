/** The language in use, and the catalogue of it. `t()` is reactive: reading it in a template follows a switch. */
import type { Bilingual, UiError } from './dto';
import type { Lang } from './format';
import { en } from './i18n/en';
import { zh, type Catalogue } from './i18n/zh';
import type { ErrorText } from './i18n/zh.errors';

let current = $state<Lang>('zh');

export function t(): Catalogue {
  return current === 'zh' ? zh : en;
}

export function lang(): Lang {
  return current;
}

export function setLanguage(code: string): void {
  current = code === 'en' ? 'en' : 'zh';
  document.documentElement.lang = current === 'zh' ? 'zh-CN' : 'en';
  document.title = t().app.name;
}

/** The side of a two-language text that is data. */
export function said(text: Bilingual): string {
  return current === 'zh' ? text.zh : text.en;
}

/** A word of a table by a key that comes from data; the key itself never shows in the Chinese interface. */
export function word(table: Readonly<Record<string, string>>, key: string): string {
  return table[key] ?? (current === 'en' ? key.replace(/[_.]/g, ' ') : '—');
}

/** What happened, is anything lost, what to do: for the code, else for its area, else in general. */
export function errorText(error: Pick<UiError, 'code'>): ErrorText {
  const table = t().errors;
  const area = error.code.split('.')[0] ?? '';
  return table.list[error.code] ?? table.areas[area] ?? table.unknown;
}

export function fieldName(key: string): string {
  return word(t().field, key);
}

/** The label of a choice: fields that share values share labels. */
export function choiceName(field: string, value: string): string {
  const table = t().choice;
  const area = field.split('.')[0] ?? field;
  return table[`${field}.${value}`] ?? table[`${area}.${value}`] ?? word(table, value);
}
