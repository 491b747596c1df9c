/** What the cost page listens to, and what it derives: pure but for the first. */

import { concentration, dearestToCheapest, dimensionOf, ratios, summed, valueOf, type Ratios } from '../derive/derived';
import { rangeOf, slotPoints, startOf, type Window } from '../derive/range';
import type { Point } from '../derive/series';
import type { Rollup } from '../documents/rollup';
import type { Counters } from '../documents/values';
import type { Listening } from '../firestore/listening';
import { policy, rollups } from '../firestore/queries';
import type { Params } from '../state/address';

const DAY = 86_400_000;
/** The days whose mean is the pace. */
const PACE_DAYS = 7;

export function costPage(listen: Listening, fleet: string, params: Params) {
  const range = rangeOf(params['range']);
  return {
    range,
    policy: policy(listen, fleet),
    rollups: rollups(listen, fleet, range),
    // A month, and the week before it, whatever the range is.
    days: rollups(listen, fleet, { grain: 'day', n: 38 }),
  };
}

export type CostPage = ReturnType<typeof costPage>;

/** One value of a dimension: what was counted for it, and what derives from that. */
export interface Group {
  scope: string;
  name: string;
  counters: Counters;
  nanousd: number;
  /** Of all spend; undefined where there is none. */
  share: number | undefined;
  ratios: Ratios;
}

/** The groups of a dimension, dearest first, and what is not told apart last, as `tachograph report` has them. */
export function groups(cells: Readonly<Record<string, Counters>>, dimension: string): Group[] {
  const whole = cells['fleet']?.['cost_nanousd'] ?? 0;
  return Object.entries(cells)
    .filter(([scope]) => dimensionOf(scope) === dimension)
    .map(([scope, counters]) => {
      const nanousd = counters['cost_nanousd'] ?? 0;
      return { scope, name: valueOf(scope), counters, nanousd, share: whole > 0 ? nanousd / whole : undefined, ratios: ratios(counters) };
    })
    .sort((a, b) => Number(isRest(a.name)) - Number(isRest(b.name)) || b.nanousd - a.nanousd || (a.name < b.name ? -1 : 1));
}

/** What the costliest are told apart from. */
export function isRest(name: string): boolean {
  return name === '_other' || name === '_other · _other';
}

/** The dimensions that anything was counted for, the usual ones first, then labels; `tool` has no cost. */
export function dimensions(cells: Readonly<Record<string, Counters>>): string[] {
  const usual = ['type|model', 'type', 'model', 'tier', 'agent', 'role'];
  const found = new Set(Object.entries(cells).filter(([, row]) => (row['cost_nanousd'] ?? 0) > 0).map(([scope]) => dimensionOf(scope)));
  return [...usual.filter((d) => found.has(d)), ...[...found].filter((d) => d.startsWith('label:')).sort()];
}

/** What a dimension is called. */
export function dimensionTitle(dimension: string): string {
  if (dimension === 'type|model') return 'task type × model';
  if (dimension === 'type') return 'task type';
  return dimension.startsWith('label:') ? dimension.slice('label:'.length) : dimension;
}

/** How many groups make 80 % of their spend; groups that are not told apart count as one. */
export function concentrated(found: readonly Group[]): { n: number; of: number; nanousd: number; complete: boolean } | undefined {
  const made = concentration(found.map((g) => g.nanousd));
  const nanousd = found.reduce((sum, g) => sum + g.nanousd, 0);
  return made && { ...made, nanousd, complete: !found.some((g) => isRest(g.name) && g.nanousd > 0) };
}

/** The tiers, and how the dearest compares with the cheapest; models of no known tier have none. */
export function tierRatio(cells: Readonly<Record<string, Counters>>): ReturnType<typeof dearestToCheapest> {
  const tiers = groups(cells, 'tier').filter((g) => g.name !== '_unknown');
  return dearestToCheapest(Object.fromEntries(tiers.map((g) => [g.name, g.counters])));
}

/** Cost per completed task over time: a line for each group with completed tasks, and where nothing was completed, no point. */
export function perTaskLines(window: Window, dimension: 'tier' | 'type', most: number): { name: string; points: Point[] }[] {
  const all = groups(summed(window.rollups), dimension).filter((g) => (g.ratios.perCompletedNanousd ?? 0) > 0 && !isRest(g.name));
  return all.slice(0, most).map(({ scope, name }) => ({
    name,
    points: slotPoints(window, (rollup) => ratios(rollup.c[scope] ?? {}).perCompletedNanousd),
  }));
}

export interface Saving {
  model: string;
  /** Prompt tokens that were read from the cache, of all. */
  hit: number | undefined;
  readTokens: number;
  /** What the prompt would have cost more without a cache; undefined where that cannot be told from what was counted. */
  savedNanousd: number | undefined;
}

/** Anthropic's prices are so many times that of an uncached input token, for every model of theirs. */
const CLAUDE = { read: 0.1, write: 1.25, writeHour: 2, out: 5 } as const;

/**
 * What caches saved, by model, most tokens first.
 *
 * Counters hold tokens and one cost, no prices. Where the ratios between the prices are known, the price of an input token follows from
 * the cost, and with it what cached ones would have cost; cache writes, which cost more, are taken off.
 */
export function savings(cells: Readonly<Record<string, Counters>>): Saving[] {
  return groups(cells, 'model')
    .filter((g) => (g.counters['tokens_in'] ?? 0) + (g.counters['cache_read_tokens'] ?? 0) > 0)
    .map((g) => ({ model: g.name, hit: g.ratios.cacheHit, readTokens: g.counters['cache_read_tokens'] ?? 0, savedNanousd: saved(g.name, g.counters) }))
    .sort((a, b) => b.readTokens - a.readTokens);
}

function saved(model: string, row: Counters): number | undefined {
  const n = (name: string) => row[name] ?? 0;
  const hour = n('cache_write_1h_tokens');
  const write = Math.max(0, n('cache_write_tokens') - hour);
  const charged = n('tokens_in') + CLAUDE.read * n('cache_read_tokens') + CLAUDE.write * write + CLAUDE.writeHour * hour + CLAUDE.out * n('tokens_out');
  if (!/^claude-/.test(model) || n('unpriced_calls') > 0 || charged <= 0 || n('cost_nanousd') <= 0) return undefined;
  const plain = n('cost_nanousd') / charged;
  return plain * ((1 - CLAUDE.read) * n('cache_read_tokens') - (CLAUDE.write - 1) * write - (CLAUDE.writeHour - 1) * hour);
}

export interface Month {
  start: number;
  end: number;
  /** Spend since the month began, at the end of each day with the newest at its own. */
  actual: Point[];
  /** From the last of them on to the month's end. */
  projected: Point[];
  spentNanousd: number;
  projectedNanousd: number;
  pacePerDayNanousd: number;
  /** What the pace of the week before said at the end of each day of what the next would bring: that day's spend, and what was said. */
  foretold: { at: number; saidNanousd: number; nanousd: number }[];
  budgetNanousd: number | undefined;
}

/** The month of the newest day: what was spent, and what will be at the pace of the last week with work in it. */
export function month(days: readonly Rollup[], hourlyBudgetNanousd: number | undefined, now: number): Month | undefined {
  const spend = new Map(days.flatMap((r) => (startOf('day', r.period) === undefined ? [] : [[startOf('day', r.period) as number, r.c['fleet']?.['cost_nanousd'] ?? 0] as const])));
  const newest = Math.max(...spend.keys());
  if (!Number.isFinite(newest)) return undefined;
  const at = new Date(newest);
  const [start, end] = [Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1), Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1)];
  const today = Math.floor(now / DAY) * DAY;
  const last = Math.min(today, end - DAY);
  const until = last === today ? now : last + DAY;
  const first = Math.min(...spend.keys());
  const actual: Point[] = [{ x: start, y: 0 }];
  const foretold: Month['foretold'] = [];
  for (let day = start; day <= last; day += DAY) {
    const said = pace(spend, day - 1, first);
    if (said !== undefined && day + DAY <= until) foretold.push({ at: day, saidNanousd: said * DAY, nanousd: spend.get(day) ?? 0 });
    actual.push({ x: Math.min(day + DAY, until), y: (actual.at(-1) as Point).y + (spend.get(day) ?? 0) });
  }
  const spentNanousd = (actual.at(-1) as Point).y;
  const perMs = pace(spend, until, first) ?? 0;
  const projectedNanousd = spentNanousd + perMs * Math.max(0, end - until);
  return {
    start,
    end,
    actual,
    projected: [{ x: until, y: spentNanousd }, { x: end, y: projectedNanousd }],
    spentNanousd,
    projectedNanousd,
    pacePerDayNanousd: perMs * DAY,
    foretold,
    budgetNanousd: hourlyBudgetNanousd === undefined ? undefined : (hourlyBudgetNanousd * (end - start)) / 3_600_000,
  };
}

/** Spend per millisecond over the week before a moment, or as much of it as anything is known of. */
function pace(spend: ReadonlyMap<number, number>, until: number, first: number): number | undefined {
  const from = Math.max(first, Math.floor(until / DAY) * DAY - (PACE_DAYS - 1) * DAY);
  if (until <= from) return undefined;
  let sum = 0;
  for (const [day, n] of spend) if (day >= from && day <= until) sum += n;
  return sum / (until - from);
}
