/** The cost page: what it listens to, and what it derives. */

import { concentration, countersByScope, dearestToCheapest, ratios, type Ratios } from '../derive/derived';
import { rangeOf, slotPoints, startOf, type Timeframe } from '../derive/range';
import type { Point } from '../derive/series';
import type { Rollup } from '../documents/rollup';
import type { Counters } from '../documents/values';
import type { Listening } from '../firestore/listening';
import { policy, rollups } from '../firestore/queries';
import { dimensionOf, isRest, keyOf, titleOf } from '../format/scopes';
import type { Params } from '../state/address';

const DAY = 86_400_000;
/** The pace is the mean of so many days. */
const PACE_DAYS = 7;

export function costPage(listen: Listening, fleet: string, params: Params) {
  const range = rangeOf(params['range']);
  return {
    range,
    policy: policy(listen, fleet),
    rollups: rollups(listen, fleet, range),
    // The projection needs a month and the week before it, whatever the range is.
    days: rollups(listen, fleet, { grain: 'day', n: 38 }),
  };
}

export type CostPage = ReturnType<typeof costPage>;

/** One value of a dimension, with its counters and ratios. */
export interface Group {
  scope: string;
  name: string;
  counters: Counters;
  nanousd: number;
  /** The share of all spend; undefined where nothing was spent. */
  share: number | undefined;
  ratios: Ratios;
}

/** The groups of a dimension, dearest first and the rest last, in the order of `tachograph report`. */
export function groups(cells: Readonly<Record<string, Counters>>, dimension: string): Group[] {
  const whole = cells['fleet']?.['cost_nanousd'] ?? 0;
  return Object.entries(cells)
    .filter(([scope]) => dimensionOf(scope) === dimension)
    .map(([scope, counters]) => {
      const nanousd = counters['cost_nanousd'] ?? 0;
      return { scope, name: titleOf(scope), counters, nanousd, share: whole > 0 ? nanousd / whole : undefined, ratios: ratios(counters) };
    })
    .sort((a, b) => Number(isRest(a.scope)) - Number(isRest(b.scope)) || b.nanousd - a.nanousd || (a.name < b.name ? -1 : 1));
}

/** The number of values of a dimension that are in the rest: the most of any of the documents. */
export function folded(rollups: readonly Rollup[], dimension: string): number {
  return Math.max(0, ...rollups.map((r) => r.folded[dimension] ?? 0));
}

/** The dimensions that have costs, the usual ones first, then labels; `tool` has no cost. */
export function dimensions(cells: Readonly<Record<string, Counters>>): string[] {
  const usual = ['type|model', 'type', 'model', 'tier', 'agent', 'role'];
  const scopes = Object.keys(cells).filter((scope) => (cells[scope]?.['cost_nanousd'] ?? 0) > 0);
  const used = new Set(scopes.map(dimensionOf));
  return [...usual.filter((d) => used.has(d)), ...[...used].filter((d) => d.startsWith('label:')).sort()];
}

/** The title of a dimension. */
export function dimensionTitle(dimension: string): string {
  if (dimension === 'type|model') return 'task type × model';
  if (dimension === 'type') return 'task type';
  return dimension.startsWith('label:') ? keyOf(dimension) : dimension;
}

/** The number of groups that make 80 % of the spend. The rest counts as one group, so that the number is not complete then. */
export interface Concentration {
  n: number;
  of: number;
  nanousd: number;
  complete: boolean;
}

export function spendConcentration(groups: readonly Group[]): Concentration | undefined {
  const counts = concentration(groups.map((g) => g.nanousd));
  const nanousd = groups.reduce((sum, g) => sum + g.nanousd, 0);
  return counts && { ...counts, nanousd, complete: !groups.some((g) => isRest(g.scope) && g.nanousd > 0) };
}

/** The dearest tier against the cheapest; models of an unknown tier are left out. */
export function tierRatio(cells: Readonly<Record<string, Counters>>): ReturnType<typeof dearestToCheapest> {
  const tiers = groups(cells, 'tier').filter((g) => g.name !== '_unknown');
  return dearestToCheapest(Object.fromEntries(tiers.map((g) => [g.name, g.counters])));
}

/** Cost per completed task over time: a line for each group, with a point for each slot in which tasks were completed. */
export function perTaskLines(
  timeframe: Timeframe,
  dimension: 'tier' | 'type',
  most: number,
): { name: string; points: Point[] }[] {
  const named = groups(countersByScope(timeframe.rollups), dimension).filter((g) => !isRest(g.scope));
  const completed = named.filter((g) => (g.ratios.perCompletedNanousd ?? 0) > 0);
  return completed.slice(0, most).map(({ scope, name }) => ({
    name,
    points: slotPoints(timeframe, (rollup) => ratios(rollup.c[scope] ?? {}).perCompletedNanousd),
  }));
}

export interface Saving {
  model: string;
  /** The share of prompt tokens that were read from the cache. */
  hit: number | undefined;
  readTokens: number;
  /** How much more the prompt would have cost without a cache; undefined where the ratio of the prices is unknown. */
  savedNanousd: number | undefined;
}

/** Anthropic's prices as multiples of the price of an uncached input token, the same for all its models. */
const CLAUDE = { read: 0.1, write: 1.25, writeHour: 2, out: 5 } as const;

/**
 * The savings of caches by model, most cached tokens first.
 *
 * Counters hold tokens and one cost, but no prices. Where the ratios between prices are known, the price of an input token follows from
 * a cost that was computed from them, and so does the cost of the cached tokens without a cache. The extra price of cache writes is
 * subtracted. A cost that was reported may be of anything.
 */
export function savings(cells: Readonly<Record<string, Counters>>): Saving[] {
  return groups(cells, 'model')
    .filter((g) => (g.counters['tokens_in'] ?? 0) + (g.counters['cache_read_tokens'] ?? 0) > 0)
    .map(({ name, counters, ratios: { cacheHit: hit } }) => {
      return { model: name, hit, readTokens: counters['cache_read_tokens'] ?? 0, savedNanousd: saved(name, counters) };
    })
    .sort((a, b) => b.readTokens - a.readTokens);
}

function saved(model: string, row: Counters): number | undefined {
  const n = (name: string) => row[name] ?? 0;
  const hour = n('cache_write_1h_tokens');
  const write = Math.max(0, n('cache_write_tokens') - hour);
  const prompt = n('tokens_in') + CLAUDE.read * n('cache_read_tokens') + CLAUDE.write * write + CLAUDE.writeHour * hour;
  const charged = prompt + CLAUDE.out * n('tokens_out');
  if (!/^claude-/.test(model) || n('unpriced_calls') > 0 || n('cost_reported_nanousd') > 0 || charged <= 0 || n('cost_nanousd') <= 0) return undefined;
  const perInputToken = n('cost_nanousd') / charged;
  return perInputToken * ((1 - CLAUDE.read) * n('cache_read_tokens') - (CLAUDE.write - 1) * write - (CLAUDE.writeHour - 1) * hour);
}

/** The spend of a month, projected at a pace. */
export interface Projection {
  /** From the newest point to the month's end. */
  points: Point[];
  nanousd: number;
  perDayNanousd: number;
  /** How many days before the newest moment the pace is the mean of: from 1 to 7. */
  days: number;
}

export interface Month {
  start: number;
  end: number;
  /** Spend since the month began, at the end of each day and at the moment of the newest. */
  actual: Point[];
  spentNanousd: number;
  /** Undefined until a whole day is known, and of a month that is over. */
  projection: Projection | undefined;
  /** For each whole day: its spend, and the spend that the pace of the week before predicted. */
  forecasts: { at: number; predictedNanousd: number; nanousd: number }[];
  budgetNanousd: number | undefined;
}

/** The month of the newest day: its spend, and the spend projected at the pace of the last week that has work in it. */
export function month(days: readonly Rollup[], hourlyBudgetNanousd: number | undefined, now: number): Month | undefined {
  const spend = new Map(
    days.flatMap(({ period, c }): [number, number][] => {
      const day = startOf('day', period);
      return day === undefined ? [] : [[day, c['fleet']?.['cost_nanousd'] ?? 0]];
    }),
  );
  const newest = Math.max(...spend.keys());
  if (!Number.isFinite(newest)) return undefined;
  const at = new Date(newest);
  const [start, end] = [Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1), Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1)];
  const today = Math.floor(now / DAY) * DAY;
  const last = Math.min(today, end - DAY);
  const until = last === today ? now : last + DAY;
  const first = Math.min(...spend.keys());
  const actual: Point[] = [{ x: start, y: 0 }];
  const forecasts: Month['forecasts'] = [];
  for (let day = start; day <= last; day += DAY) {
    const nanousd = spend.get(day) ?? 0;
    const before = pace(spend, day - 1, first);
    if (before !== undefined && day + DAY <= until) forecasts.push({ at: day, predictedNanousd: before.perMs * DAY, nanousd });
    actual.push({ x: Math.min(day + DAY, until), y: (actual.at(-1) as Point).y + nanousd });
  }
  const spentNanousd = (actual.at(-1) as Point).y;
  return {
    start,
    end,
    actual,
    spentNanousd,
    projection: until < end ? projection({ x: until, y: spentNanousd }, end, pace(spend, until, first)) : undefined,
    forecasts,
    budgetNanousd: hourlyBudgetNanousd === undefined ? undefined : (hourlyBudgetNanousd * (end - start)) / 3_600_000,
  };
}

function projection(newest: Point, end: number, week: Pace | undefined): Projection | undefined {
  if (week === undefined) return undefined;
  const nanousd = newest.y + week.perMs * (end - newest.x);
  return { points: [newest, { x: end, y: nanousd }], nanousd, perDayNanousd: week.perMs * DAY, days: Math.ceil(week.ms / DAY) };
}

interface Pace {
  perMs: number;
  ms: number;
}

/** Spend over the week before a moment, or over the part of it since the first day with spend; undefined for less than a day. */
function pace(spend: ReadonlyMap<number, number>, until: number, first: number): Pace | undefined {
  const from = Math.max(first, Math.floor(until / DAY) * DAY - (PACE_DAYS - 1) * DAY);
  const ms = until - from;
  if (ms < DAY - 1) return undefined;
  let sum = 0;
  for (const [day, n] of spend) if (day >= from && day <= until) sum += n;
  return { perMs: sum / ms, ms };
}
