/**
 * Which stretch of time a page shows, and the published rollups that make it up.
 *
 * `24h`, `7d`, `28d` and `12w` end now; `2026-02-16..2026-02-22` are whole days. All of it is in UTC, as rollups are.
 */

import type { Rollup } from '../documents/rollup';
import type { Point } from './series';

export type Grain = 'hour' | 'day' | 'week';

export interface Range {
  /** As the address says it. */
  id: string;
  grain: Grain;
  /** How many periods, at most MOST. */
  n: number;
  /** The last period; undefined if the range ends now. */
  last: string | undefined;
}

export const PRESETS: readonly { id: string; grain: Grain; n: number; said: string }[] = [
  { id: '24h', grain: 'hour', n: 24, said: '24 hours' },
  { id: '7d', grain: 'day', n: 7, said: '7 days' },
  { id: '28d', grain: 'day', n: 28, said: '28 days' },
  { id: '12w', grain: 'week', n: 12, said: '12 weeks' },
];
const DEFAULT = '24h';
/** A listener's documents: the emulator pays for each with every write. */
export const MOST = 60;

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MS: Readonly<Record<Grain, number>> = { hour: HOUR, day: DAY, week: 7 * DAY };

/** Read a range; what cannot be read is the default. Days are told apart by hours up to two of them, by weeks beyond 60. */
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

/** One period of a range, with what was counted in it. */
export interface Slot {
  period: string;
  start: number;
  end: number;
  /** Undefined where nothing was counted. */
  rollup: Rollup | undefined;
}

export interface Window {
  slots: readonly Slot[];
  start: number;
  end: number;
  /** How long one slot is. */
  slotMs: number;
  /** Those of the slots that have one, oldest first. */
  rollups: readonly Rollup[];
  /** A range that should end now, but ends with the newest work, because there is none since. */
  past: boolean;
}

/** Lay published rollups out over a range, oldest first. */
export function windowOf(range: Range, rollups: readonly Rollup[], now: number): Window {
  const found = new Map(rollups.map((r) => [r.period, r]));
  const newest = [...found.keys()].filter((period) => startOf(range.grain, period) !== undefined).sort().at(-1);
  const current = range.last ?? periodOf(range.grain, now);
  const end = startOf(range.grain, current) as number;
  const newestStart = newest === undefined ? undefined : startOf(range.grain, newest);
  const past = range.last === undefined && newestStart !== undefined && newestStart <= end - range.n * MS[range.grain];
  const last = past ? (newestStart as number) : end;
  const slots = Array.from({ length: range.n }, (_, i): Slot => {
    const from = last - (range.n - 1 - i) * MS[range.grain];
    const period = periodOf(range.grain, from);
    return { period, start: from, end: from + MS[range.grain], rollup: found.get(period) };
  });
  const counted = slots.flatMap((s) => s.rollup ?? []);
  return { slots, start: (slots[0] as Slot).start, end: last + MS[range.grain], slotMs: MS[range.grain], rollups: counted, past };
}

/** A point in the middle of each slot whose rollup has a value. */
export function slotPoints(window: Window, value: (rollup: Rollup) => number | undefined): Point[] {
  return window.slots.flatMap(({ start, end, rollup }) => {
    const y = rollup && value(rollup);
    return y === undefined ? [] : [{ x: (start + end) / 2, y }];
  });
}

/** The moment a period begins: 2026-02-16T18, 2026-02-16 or 2026-W08; undefined for what is none. */
export function startOf(grain: Grain, period: string): number | undefined {
  if (grain === 'hour') return known(Date.parse(`${period}:00:00Z`));
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
  return day === undefined ? undefined : known(Date.parse(`${day}T00:00:00Z`));
}

function known(ms: number): number | undefined {
  return Number.isFinite(ms) ? ms : undefined;
}
