/**
 * The range of time that a page shows, and the published rollups that it consists of.
 *
 * `24h`, `7d`, `28d` and `12w` end now; `2026-02-16..2026-02-22` are whole days. All of it is in UTC, as rollups are.
 */

import type { Rollup } from '../documents/rollup';
import type { Point } from './series';

export type Grain = 'hour' | 'day' | 'week';

export interface Range {
  /** As in the address. */
  id: string;
  grain: Grain;
  /** How many periods, at most MOST. */
  n: number;
  /** The last period; undefined if the range ends now. */
  last: string | undefined;
}

export const PRESETS: readonly { id: string; grain: Grain; n: number; title: string }[] = [
  { id: '24h', grain: 'hour', n: 24, title: '24 hours' },
  { id: '7d', grain: 'day', n: 7, title: '7 days' },
  { id: '28d', grain: 'day', n: 28, title: '28 days' },
  { id: '12w', grain: 'week', n: 12, title: '12 weeks' },
];
const DEFAULT = '24h';
/** The most periods of a range, because each is a document of a query. */
export const MOST = 60;

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MS: Readonly<Record<Grain, number>> = { hour: HOUR, day: DAY, week: 7 * DAY };

/** Read a range; an unreadable one is the default. Up to two days are ranges of hours, and more than 60 are ranges of weeks. */
export function rangeOf(id: string | undefined): Range {
  const days = /^(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})$/.exec(id ?? '');
  const [first, last] = [dayStart(days?.[1]), dayStart(days?.[2])];
  if (first !== undefined && last !== undefined && first <= last) {
    const n = Math.round((last - first) / DAY) + 1;
    if (n <= 2) return { id: id as string, grain: 'hour', n: n * 24, last: periodOf('hour', last + 23 * HOUR) };
    if (n <= MOST) return { id: id as string, grain: 'day', n, last: periodOf('day', last) };
    const weeks = Math.round((start('week', last) - start('week', first)) / MS.week) + 1;
    return { id: id as string, grain: 'week', n: Math.min(weeks, MOST), last: periodOf('week', last) };
  }
  const preset = PRESETS.find((p) => p.id === id) ?? (PRESETS.find((p) => p.id === DEFAULT) as (typeof PRESETS)[number]);
  return { id: preset.id, grain: preset.grain, n: preset.n, last: undefined };
}

/** One period of a range, with its rollup. */
export interface Slot {
  period: string;
  start: number;
  end: number;
  /** Undefined for a period in which nothing was counted. */
  rollup: Rollup | undefined;
}

export interface Timeframe {
  slots: readonly Slot[];
  start: number;
  end: number;
  /** The length of one slot. */
  slotMs: number;
  /** The rollups of the slots, oldest first. */
  rollups: readonly Rollup[];
  /** Whether a range that should end now ends with the newest work instead, because there is none since. */
  past: boolean;
}

/** Lay published rollups out over the slots of a range, oldest first. */
export function timeframeOf(range: Range, rollups: readonly Rollup[], now: number): Timeframe {
  const byPeriod = new Map(rollups.map((r) => [r.period, r]));
  const newest = [...byPeriod.keys()].filter((period) => startOf(range.grain, period) !== undefined).sort().at(-1);
  const current = range.last ?? periodOf(range.grain, now);
  const end = startOf(range.grain, current) as number;
  const newestStart = newest === undefined ? undefined : startOf(range.grain, newest);
  const past = range.last === undefined && newestStart !== undefined && newestStart <= end - range.n * MS[range.grain];
  const last = past ? (newestStart as number) : end;
  const slots = Array.from({ length: range.n }, (_, i): Slot => {
    const from = last - (range.n - 1 - i) * MS[range.grain];
    const period = periodOf(range.grain, from);
    return { period, start: from, end: from + MS[range.grain], rollup: byPeriod.get(period) };
  });
  const counted = slots.flatMap((s) => s.rollup ?? []);
  return { slots, start: (slots[0] as Slot).start, end: last + MS[range.grain], slotMs: MS[range.grain], rollups: counted, past };
}

/** A point in the middle of each slot whose rollup has a value. */
export function slotPoints(timeframe: Timeframe, value: (rollup: Rollup) => number | undefined): Point[] {
  return timeframe.slots.flatMap(({ start, end, rollup }) => {
    const y = rollup && value(rollup);
    return y === undefined ? [] : [{ x: (start + end) / 2, y }];
  });
}

/** The moment a period such as 2026-02-16T18, 2026-02-16 or 2026-W08 begins; undefined for anything else. */
export function startOf(grain: Grain, period: string): number | undefined {
  if (grain === 'hour') return finite(Date.parse(`${period}:00:00Z`));
  if (grain === 'day') return dayStart(period);
  const [, year, week] = /^(\d{4})-W(\d{2})$/.exec(period) ?? [];
  if (year === undefined || week === undefined) return undefined;
  // The 4th of January is in week 1 (ISO 8601).
  return start('week', Date.UTC(Number(year), 0, 4)) + (Number(week) - 1) * MS.week;
}

/** The period a moment is in. */
export function periodOf(grain: Grain, ms: number): string {
  const iso = new Date(start(grain, ms)).toISOString();
  if (grain === 'hour') return iso.slice(0, 13);
  if (grain === 'day') return iso.slice(0, 10);
  const thursday = new Date(start('week', ms) + 3 * DAY);
  const week = Math.floor((thursday.getTime() - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / MS.week) + 1;
  return `${thursday.getUTCFullYear()}-W${String(week).padStart(2, '0')}`;
}

/** The beginning of the hour, the day or the week (Monday) a moment is in. */
function start(grain: Grain, ms: number): number {
  // The epoch was a Thursday.
  const shift = grain === 'week' ? 3 * DAY : 0;
  return Math.floor((ms + shift) / MS[grain]) * MS[grain] - shift;
}

function dayStart(day: string | undefined): number | undefined {
  return day === undefined ? undefined : finite(Date.parse(`${day}T00:00:00Z`));
}

function finite(ms: number): number | undefined {
  return Number.isFinite(ms) ? ms : undefined;
}
