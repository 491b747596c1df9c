/** What the page derives from documents before it draws them: pure, and tested as such. */

import type { Alert, Counters, Now, Rollup, Signal } from '../documents/documents';
import type { Session } from '../documents/session';

export interface Point {
  x: number;
  y: number;
}

const MINUTE = 60_000;
export const HOUR_MS = 60 * MINUTE;

export const WINDOW_MS = 5 * MINUTE;
/** Over less, a few calls make any number. */
export const WINDOW_AT_LEAST_MS = MINUTE - 10_000;
/** A ring holds an hour. */
export const RING_MS = HOUR_MS;
export const HOURS_A_MONTH = (365 * 24) / 12;
/** Points of a ring are a minute apart; ticks may come late by as much again. */
export const GAP_MS = 2.5 * MINUTE;

/** A line in the runs it is drawn in: it breaks where no point came for longer than `gap`. */
export function runs(points: readonly Point[], gap: number): Point[][] {
  const found: Point[][] = [];
  for (const p of points) {
    const run = found.at(-1);
    if (run && p.x - (run.at(-1) as Point).x <= gap) run.push(p);
    else found.push([p]);
  }
  return found;
}

/** A ring of `live/now` as points in time, oldest first; broken entries are left out. */
export function ring(rings: Now['rings'], name: string): Point[] {
  const at = rings['at_ms'] ?? [];
  const ys = rings[name] ?? [];
  // Aligned at the newest end, should one ring be shorter than the other.
  const offset = at.length - ys.length;
  return ys
    .map((y, i) => ({ x: at[i + offset] ?? NaN, y }))
    .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))
    .sort((a, b) => a.x - b.x);
}

/** For each point of a running total: how much it grew per second over the WINDOW_MS before (less at the beginning). */
export function growth(totals: readonly Point[]): Point[] {
  return pairs(totals).map(([from, to]) => ({ x: to.x, y: (Math.max(0, to.y - from.y) * 1000) / (to.x - from.x) }));
}

/** For each point: the growth of one total as a part of another's; nothing where the other did not grow. */
export function ratio(parts: readonly Point[], wholes: readonly Point[]): Point[] {
  const part = new Map(parts.map(({ x, y }) => [x, y]));
  return pairs(wholes.filter(({ x }) => part.has(x)))
    .filter(([from, to]) => to.y > from.y)
    .map(([from, to]) => {
      const grown = (part.get(to.x) ?? 0) - (part.get(from.x) ?? 0);
      return { x: to.x, y: Math.min(1, Math.max(0, grown / (to.y - from.y))) };
    });
}

/** Each point but the first, with the oldest point at most WINDOW_MS before it, else the one just before if it is near. */
function pairs(points: readonly Point[]): [Point, Point][] {
  let oldest = 0;
  return points.flatMap((to, i): [Point, Point][] => {
    // Half a minute of slack: five points a minute apart are rarely that to the millisecond.
    while ((points[oldest] as Point).x < to.x - WINDOW_MS - MINUTE / 2) oldest++;
    const from = points[Math.min(oldest, i)] as Point;
    return to.x - from.x >= WINDOW_AT_LEAST_MS ? [[from, to]] : [];
  });
}

/** How much time a sparkline shows: what its points span, a few minutes at least, so that a young fleet's is no dot in a corner. */
export function spanOf(points: readonly Point[]): number {
  const [first, last] = [points[0]?.x ?? 0, points.at(-1)?.x ?? 0];
  return Math.min(RING_MS, Math.max(2 * WINDOW_MS, last - first));
}

export interface HourOfSpend {
  start: number;
  nanousd: number;
}

/** The 24 hours up to now, those without spend as zero; up to the newest with spend when that is longer ago. */
export function lastDay(days: readonly Rollup[], now: number): { hours: HourOfSpend[]; past: boolean } {
  const spend = new Map(
    days.flatMap(({ period, hourlyNanousd }) =>
      hourlyNanousd.flatMap((nanousd, n): [number, number][] => (nanousd > 0 ? [[hourStart(`${period}T00`) + n * HOUR_MS, nanousd]] : [])),
    ),
  );
  const newest = Math.max(...[...spend.keys()].filter(Number.isFinite));
  const current = Math.floor(now / HOUR_MS) * HOUR_MS;
  const past = newest <= current - 24 * HOUR_MS;
  const last = Number.isFinite(newest) && (past || newest > current) ? newest : current;
  const hours = Array.from({ length: 24 }, (_, i) => last - (23 - i) * HOUR_MS);
  return { hours: hours.map((start) => ({ start, nanousd: spend.get(start) ?? 0 })), past: past && Number.isFinite(newest) };
}

/** The moment an hour such as 2026-02-16T18 begins. */
export function hourStart(period: string): number {
  return Date.parse(`${period}:00:00Z`);
}

export const TIERS = ['frontier', 'standard', 'light', '_unknown'] as const;

export interface CostPerTask {
  costNanousd: number;
  completed: number;
  /** Undefined while nothing is completed: a ratio to nothing is not a number. */
  perTaskNanousd: number | undefined;
  /** Completed tasks of unknown cost, which the ratio takes for free. */
  unpriced: number;
}

export interface CostByTier {
  fleet: CostPerTask;
  tiers: ({ tier: string } & CostPerTask)[];
  /** The first and last day that count, as ISO days, and how many of the days between them do. */
  first: string;
  last: string;
  days: number;
  unpricedCalls: number;
  calls: number;
}

/** What a completed task costs, by tier, over all days given: all spend, failures included, over completions. */
export function costByTier(rollups: readonly Rollup[]): CostByTier | undefined {
  const days = rollups.filter((r) => /^\d{4}-\d{2}-\d{2}$/.test(r.period) && Object.keys(r.c).length > 0);
  const periods = days.map((r) => r.period).sort();
  const [first, last] = [periods[0], periods.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const fleet = sumOf(days, 'fleet');
  const others = new Set(days.flatMap((r) => Object.keys(r.c)).filter((s) => s.startsWith('tier:')));
  const tiers = [...new Set([...TIERS.map((t) => `tier:${t}`), ...[...others].sort()])]
    .filter((scope) => others.has(scope))
    .map((scope) => ({ tier: scope.slice('tier:'.length), ...costPerTask(sumOf(days, scope)) }))
    .filter((t) => t.costNanousd > 0 || t.completed > 0);
  return {
    fleet: costPerTask(fleet),
    tiers,
    first,
    last,
    days: new Set(periods).size,
    unpricedCalls: fleet['unpriced_calls'] ?? 0,
    calls: fleet['llm_calls'] ?? 0,
  };
}

/** As tachograph_schema.counters.dollars: the whole cost of the scope's tasks where it is counted, else the cost. */
export function costPerTask(counters: Counters): CostPerTask {
  const costNanousd = counters['task_cost_nanousd'] ?? counters['cost_nanousd'] ?? 0;
  const completed = counters['tasks_completed'] ?? 0;
  const unpriced = counters['tasks_completed_unpriced'] ?? 0;
  return { costNanousd, completed, perTaskNanousd: completed > 0 ? costNanousd / completed : undefined, unpriced };
}

/** The counters of one scope over some rollups. */
export function sumOf(rollups: readonly Rollup[], scope: string): Counters {
  const sum: Record<string, number> = {};
  for (const r of rollups) for (const [name, n] of Object.entries(r.c[scope] ?? {})) sum[name] = (sum[name] ?? 0) + n;
  return sum;
}

/** Sessions as the table lists them: open ones nearest to their cliff first, then the closed, latest first. */
export function byCliff(sessions: readonly Session[]): Session[] {
  const leftOf = (s: Session) => s.contextLeftPct ?? Infinity;
  const seen = (s: Session) => s.lastSeenAt ?? 0;
  return [...sessions].sort((a, b) => {
    if (a.open !== b.open) return a.open ? -1 : 1;
    const order = a.open ? Math.sign(leftOf(a) - leftOf(b)) || 0 : 0;
    return order || seen(b) - seen(a) || (a.id < b.id ? -1 : 1);
  });
}

/** The newest rotate signal of each session. */
export function marks(signals: readonly Signal[]): Map<string, Signal> {
  const found = new Map<string, Signal>();
  for (const s of signals) {
    const known = s.session === undefined ? undefined : found.get(s.session);
    if (s.session === undefined || s.kind !== 'rotate') continue;
    if (known === undefined || (s.createdAt ?? 0) > (known.createdAt ?? 0)) found.set(s.session, s);
  }
  return found;
}

/** What asks for attention, newest first: alerts and signals in one list. */
export function feed(alerts: readonly Alert[], signals: readonly Signal[], n: number): ({ at: number } & ({ alert: Alert } | { signal: Signal }))[] {
  const both = [...alerts.map((alert) => ({ at: alert.openedAt ?? 0, alert })), ...signals.map((signal) => ({ at: signal.createdAt ?? 0, signal }))];
  return both.sort((a, b) => b.at - a.at).slice(0, n);
}

/** Sessions of several lists, each once. */
export function together(...lists: readonly (readonly Session[])[]): Session[] {
  return [...new Map(lists.flat().map((s) => [s.id, s])).values()];
}

/** How much a stock grew per minute over the last five, by its ring; undefined where that is not known. */
export function slope(points: readonly Point[]): number | undefined {
  const [from, to] = pairs(points).at(-1) ?? [];
  return from && to ? ((to.y - from.y) * MINUTE) / (to.x - from.x) : undefined;
}

/** The largest parts of a whole and the rest of them as one, largest first; those of nothing left out. */
export function shares(parts: Counters, most: number, rest = '_other'): { key: string; n: number; part: number }[] {
  const named = Object.entries(parts).filter(([key, n]) => n > 0 && key !== rest).sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const whole = Object.values(parts).reduce((sum, n) => sum + Math.max(0, n), 0);
  const cut = named.length + (parts[rest] ? 1 : 0) > most ? most - 1 : most;
  const others = named.slice(cut).reduce((sum, [, n]) => sum + n, Math.max(0, parts[rest] ?? 0));
  return [...named.slice(0, cut), ...(others > 0 ? [[rest, others] as const] : [])].map(([key, n]) => ({ key, n, part: n / whole }));
}

export const STATES = ['active', 'waiting', 'idle', 'stuck', 'error'] as const;

/** Open sessions by context left, in ten steps, each with the percentage in its middle; undefined when it is not known. */
export function contextSteps(histogram: readonly number[]): { from: number; middle: number; n: number }[] | undefined {
  if (histogram.length !== 10 || !histogram.every((n) => n >= 0)) return undefined;
  return histogram.map((n, i) => ({ from: i * 10, middle: i * 10 + 5, n }));
}

/** Sessions by state in the fixed order, any other state by name at the end; those of none left out. */
export function byState(sessions: Counters): { state: string; n: number }[] {
  const others = Object.keys(sessions).filter((s) => s !== 'completed' && !(STATES as readonly string[]).includes(s));
  return [...STATES, ...others.sort()].map((state) => ({ state, n: sessions[state] ?? 0 })).filter(({ n }) => n > 0);
}
