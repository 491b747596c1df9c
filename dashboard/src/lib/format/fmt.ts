/** How numbers, money, times and shares are written: one rule each, the same on every page. Unknown is `–`, never zero. */

export const UNKNOWN = '–';

const NANO = 1e9;
/** Made once, because making one takes as long as writing fifty numbers. */
const IN_FULL = new Intl.NumberFormat('en-US', { maximumFractionDigits: 9 });

/** Write nano-dollars: $0 · $0.0042 · $12.34 · $160 · $1,786 · $22.6K. */
export function money(nanousd: number | undefined): string {
  return nanousd === undefined ? UNKNOWN : dollars(nanousd / NANO);
}

/** Write dollars, as `money` does. */
export function dollars(usd: number | undefined): string {
  if (!isNumber(usd)) return UNKNOWN;
  if (usd < 0) return `-${dollars(-usd)}`;
  if (usd === 0) return '$0';
  if (usd < 1e-6) return '<$0.000001';
  if (usd < 0.00995) return `$${trimmed(usd)}`;
  if (usd < 99.995) return `$${usd.toFixed(2)}`;
  if (usd < 9_999.5) return `$${grouped(Math.round(usd))}`;
  return `$${threeDigits(usd)}`;
}

/** Write nano-dollars in full, for a title: $12.345678901; nothing where they are unknown. */
export function moneyInFull(nanousd: number | undefined): string {
  if (!isNumber(nanousd)) return '';
  return `${nanousd < 0 ? '-' : ''}$${IN_FULL.format(Math.abs(nanousd) / NANO)}`;
}

/** Write an axis of nano-dollars with one precision throughout, that of its largest value. */
export function moneyAxis(nanousd: readonly number[]): string[] {
  const largest = Math.max(0, ...nanousd.map(Math.abs)) / NANO;
  if (largest >= 10_000) return nanousd.map((n) => `$${(n / NANO / 1000).toFixed(largest < 100_000 ? 1 : 0)}K`);
  const whole = nanousd.every((n) => n % NANO === 0);
  const digits = largest >= 10 || whole ? 0 : largest >= 1 ? 2 : largest > 0 ? 1 - Math.floor(Math.log10(largest)) : 0;
  return nanousd.map((n) => (digits ? `$${(n / NANO).toFixed(Math.min(digits, 9))}` : `$${grouped(Math.round(n / NANO))}`));
}

/** Write a count: as it is below 1,000, then three significant digits with K, M, B. */
export function count(n: number | undefined): string {
  if (!isNumber(n)) return UNKNOWN;
  return Math.abs(n) < 1000 ? String(Math.round(n)) : threeDigits(n);
}

/** Write a count in full, for a title: 8,342; nothing where it is unknown. */
export function countInFull(n: number | undefined): string {
  return isNumber(n) ? grouped(n) : '';
}

/** Write a rate, three significant digits, its unit left to the caller: 8.34K, 21.7, 0.42. */
export function rate(n: number | undefined): string {
  if (!isNumber(n)) return UNKNOWN;
  if (n === 0) return '0';
  if (Math.abs(n) >= 999.5) return threeDigits(n);
  const digits = Math.abs(n) >= 99.95 ? 0 : Math.abs(n) >= 9.995 ? 1 : 2;
  return Math.abs(n) < 0.005 ? n.toPrecision(1) : n.toFixed(digits);
}

/** Write a duration: 47 ms · 3.48 s · 13m 28s · 2h 05m · 3d 04h. */
export function duration(ms: number | undefined): string {
  if (!isNumber(ms)) return UNKNOWN;
  if (ms < 0) return `-${duration(-ms)}`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) {
    const s = ms / 1000;
    return `${s.toFixed(s < 9.995 ? 2 : 1)} s`;
  }
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
  const hours = Math.round(ms / 3_600_000);
  return `${Math.floor(hours / 24)}d ${two(hours % 24)}h`;
}

/** Write a duration in one unit, rounded down: 24 s · 5 min · 3 h · 2 d. */
export function roughDuration(ms: number | undefined): string {
  if (!isNumber(ms)) return UNKNOWN;
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 48 * 3600) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

/** Write an age: now · 29 s ago · 5 min ago · 3 h ago · 2 d ago. A negative age, from a fast clock, is now. */
export function age(ms: number | undefined): string {
  if (!isNumber(ms)) return UNKNOWN;
  return ms < 5000 ? 'now' : `${roughDuration(ms)} ago`;
}

/** Write a part of one as a percentage: one decimal under 10 %, and never 100 % of less than all. */
export function percent(part: number | undefined): string {
  if (!isNumber(part)) return UNKNOWN;
  const pct = part * 100;
  if (pct === 0) return '0%';
  if (pct > 0 && pct < 0.05) return '<0.1%';
  if (pct < 100 && pct >= 99.5) return '>99%';
  return Math.abs(pct) < 9.95 ? `${pct.toFixed(1)}%` : `${Math.round(pct)}%`;
}

/** Write a share of a whole: no decimals, and never 0 % of something or 100 % of less than all. */
export function share(part: number | undefined): string {
  if (!isNumber(part)) return UNKNOWN;
  const pct = part * 100;
  if (pct > 0 && pct < 0.5) return '<1%';
  if (pct < 100 && pct >= 99.5) return '>99%';
  return `${Math.round(pct)}%`;
}

/** Shorten an id: a UUID ahead of other text to its beginning, and an id that is still long to its two ends. */
export function shortId(id: string): string {
  const short = id.replace(/([0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}[-_./](?=.)/g, '$1…');
  return short.length <= 34 ? short : `${short.slice(0, 12)}…${short.slice(-20)}`;
}

/** Write context left in percent, rounded down, so that 34.9 does not read as the threshold of 35. */
export function contextLeft(pct: number | undefined): string {
  return isNumber(pct) ? `${Math.floor(pct)}%` : UNKNOWN;
}

/** Write the time of day of a moment in the viewer's zone, 24 h: 18:00. */
export function timeOfDay(ms: number, zone?: string): string {
  return new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', ...zoned(zone) }).format(ms);
}

/** Write the date of a moment in the viewer's zone: 16 Feb. The year is named where it is not this year. */
export function date(ms: number, zone?: string, thisYear = new Date().getUTCFullYear()): string {
  const { day: d, month, year } = parts(ms, zone, { day: 'numeric', month: 'short', year: 'numeric' });
  return `${d} ${month}${year === String(thisYear) ? '' : ` ${year}`}`;
}

/** Write the month of a moment in UTC: February 2026. */
export function monthName(ms: number): string {
  return new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(ms);
}

/** Write a moment in the viewer's zone: 16 Feb, 18:00. */
export function moment(ms: number | undefined): string {
  return isNumber(ms) ? `${date(ms)}, ${timeOfDay(ms)}` : UNKNOWN;
}

/** Write a period of a range by its middle: 16 Feb, 18:00 · 16 Feb · week of 16 Feb. */
export function periodName(middle: number, grain: 'hour' | 'day' | 'week', ms: number): string {
  if (grain === 'hour') return `${date(middle)}, ${timeOfDay(middle - ms / 2)}`;
  return grain === 'day' ? date(middle) : `week of ${date(middle - ms / 2)}`;
}

/** Write that a range ends with the newest work instead of now; nothing where it ends now. */
export function pastNote({ past, end }: { past: boolean; end: number }): string {
  return past ? `no work since ${date(end - 1)}` : '';
}

/** Write UTC days, such as 2026-02-16, as a range: 16 Feb · 16–22 Feb · 28 Feb – 3 Mar 2025. */
export function dateRange(first: string, last: string, thisYear = new Date().getUTCFullYear()): string {
  const [a, b] = [dayParts(first), dayParts(last)];
  const unlessThis = (year: string | undefined) => (year === String(thisYear) ? '' : ` ${year}`);
  const oneYear = a['year'] === b['year'];
  if (first === last) return `${a['day']} ${a['month']}${unlessThis(a['year'])}`;
  if (oneYear && a['month'] === b['month']) return `${a['day']}–${b['day']} ${b['month']}${unlessThis(b['year'])}`;
  const [yearA, yearB] = oneYear ? ['', unlessThis(b['year'])] : [` ${a['year']}`, ` ${b['year']}`];
  return `${a['day']} ${a['month']}${yearA} – ${b['day']} ${b['month']}${yearB}`;
}

/** Write the error of a span; OpenTelemetry's `_OTHER` says only that there was one. */
export function errorName(error: string): string {
  return error === '_OTHER' ? 'failed' : error;
}

/** Write a number with its noun: 1 session, 2 sessions, 8.34K tasks. */
export function counted(n: number, noun: string, plural = `${noun}s`): string {
  return `${count(n)} ${n === 1 ? noun : plural}`;
}

function isNumber(n: number | undefined): n is number {
  return n !== undefined && Number.isFinite(n);
}

function threeDigits(n: number): string {
  const sign = n < 0 ? '-' : '';
  let rest = Math.abs(n);
  for (const unit of ['', 'K', 'M', 'B', 'T']) {
    if (rest < 999.5 || unit === 'T') return `${sign}${rest.toFixed(rest < 9.995 ? 2 : rest < 99.95 ? 1 : 0)}${unit}`;
    rest /= 1000;
  }
  return UNKNOWN;
}

function trimmed(usd: number): string {
  return usd.toFixed(1 - Math.floor(Math.log10(usd))).replace(/0+$/, '');
}

function grouped(n: number): string {
  return n.toLocaleString('en-US');
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}

function zoned(zone: string | undefined): { timeZone?: string } {
  return zone === undefined ? {} : { timeZone: zone };
}

function dayParts(iso: string): Record<string, string> {
  return parts(Date.parse(`${iso}T00:00:00Z`), 'UTC', { day: 'numeric', month: 'short', year: 'numeric' });
}

function parts(ms: number, zone: string | undefined, options: Intl.DateTimeFormatOptions): Record<string, string> {
  const format = new Intl.DateTimeFormat('en-GB', { ...options, ...zoned(zone) });
  return Object.fromEntries(format.formatToParts(ms).map((part) => [part.type, part.value]));
}
