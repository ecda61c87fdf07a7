/** Dates, times and sizes as people here read them: always Asia/Shanghai, whatever the zone of the PC. */
export type Lang = 'zh' | 'en';

const ZONE = 'Asia/Shanghai';

const parts = new Intl.DateTimeFormat('en-CA', {
  timeZone: ZONE,
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

function fields(ms: number): Record<string, string> {
  return Object.fromEntries(parts.formatToParts(new Date(ms)).map((part) => [part.type, part.value]));
}

/** `2026-11-22` */
export function date(ms: number): string {
  const f = fields(ms);
  return `${f['year']}-${f['month']}-${f['day']}`;
}

/** `10:30` */
export function clock(ms: number): string {
  const f = fields(ms);
  return `${f['hour']}:${f['minute']}`;
}

/** `2026-11-22 10:30` */
export function dateTime(ms: number): string {
  return `${date(ms)} ${clock(ms)}`;
}

/** A clock time today, else the day too: a due time is a clock time, never "in 3 hours". */
export function shortTime(ms: number, nowMs: number): string {
  const day = date(ms);
  if (day === date(nowMs)) return clock(ms);
  return day.slice(0, 4) === date(nowMs).slice(0, 4) ? `${day.slice(5)} ${clock(ms)}` : dateTime(ms);
}

/** `11月22日（周日）` / `Sun 22 Nov` */
export function dayName(ms: number, lang: Lang): string {
  if (lang === 'en') {
    return new Intl.DateTimeFormat('en-GB', {
      timeZone: ZONE,
      weekday: 'short',
      day: 'numeric',
      month: 'short',
    }).format(ms);
  }
  const f = fields(ms);
  const weekday = new Intl.DateTimeFormat('zh-CN', { timeZone: ZONE, weekday: 'short' }).format(ms);
  return `${Number(f['month'])}月${Number(f['day'])}日（${weekday}）`;
}

/** `1.2 MB` */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${Math.round(bytes / 1024)} KB`;
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MB`;
  return `${(bytes / 1024 ** 3).toFixed(1)} GB`;
}

/** Fen to `¥1,299.00`. */
export function money(fen: number): string {
  const yuan = Math.trunc(Math.abs(fen) / 100)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
  return `${fen < 0 ? '-' : ''}¥${yuan}.${String(Math.abs(fen) % 100).padStart(2, '0')}`;
}
