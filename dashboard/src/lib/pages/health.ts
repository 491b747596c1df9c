/** The health page: what it listens to, and what it derives. */

import { limit, orderBy, where } from 'firebase/firestore';
import { countersOf, wilson } from '../derive/derived';
import { rangeOf, slotPoints, type Timeframe } from '../derive/range';
import { growth, ring, type Point } from '../derive/series';
import { buckets, nearestRank, quantile } from '../derive/sketch';
import { readBaseline, type Baseline, type Cliff } from '../documents/baseline';
import { readIncident } from '../documents/incident';
import { readSignal, type Signal } from '../documents/signal';
import { readSnapshot, type Snapshot } from '../documents/snapshot';
import type { Counters } from '../documents/values';
import type { Listening } from '../firestore/listening';
import { inFleet, now, policy, rollups } from '../firestore/queries';
import { count } from '../format/fmt';
import type { Params } from '../state/address';

/** Snapshots with an `hour` are the first of their hour. */
const HOURS = 48;

export function healthPage(listen: Listening, fleet: string, params: Params) {
  const { list, newest } = inFleet(listen, fleet);
  const range = rangeOf(params['range']);
  return {
    range,
    policy: policy(listen, fleet),
    now: now(listen, fleet),
    snapshots: list(newest('snapshots', 'hour', HOURS), readSnapshot),
    rollups: rollups(listen, fleet, range),
    baselines: list(newest('baselines', 'runs', 12), readBaseline),
    signals: list(['signals', where('kind', '==', 'rotate'), orderBy('created_at', 'desc'), limit(60)], readSignal),
    incidents: list(newest('incidents', 'occurred_at', 20), readIncident),
  };
}

export type HealthPage = ReturnType<typeof healthPage>;

/** The share of tasks that ended badly, with Wilson's 95 % interval, for each tenth of context that any task was in. */
export function cliffCurve({ runs, bad }: Cliff): { from: number; n: number; share: number; low: number; high: number }[] {
  return runs.flatMap((n, i) => {
    const failed = Math.min(n, bad[i] ?? 0);
    return n > 0 ? [{ from: i * 10, n, share: failed / n, ...wilson(failed, n) }] : [];
  });
}

/** A kind of work on a model as it is drawn: its curve, and the verdict on its cliff in words. */
export interface CliffView {
  id: string;
  type: string;
  model: string;
  learned: boolean;
  verdict: string;
  curve: ReturnType<typeof cliffCurve>;
  threshold: { at: number; low: number; high: number } | undefined;
  /** How many tasks ended, in words. */
  ended: string;
  n: number;
}

/** The baselines that tasks have ended for: those with a learned cliff first, then those with most tasks. */
export function cliffs(baselines: readonly Baseline[]): CliffView[] {
  const views = baselines.flatMap(({ id, type, model, cliff }): CliffView[] => {
    const n = cliff?.runs.reduce((sum, runs) => sum + runs, 0) ?? 0;
    if (cliff === undefined || n === 0) return [];
    const { atPct: at, lowPct, highPct, runsBelow, runsAbove } = cliff;
    const learned = cliff.status === 'learned';
    const sides = runsBelow === undefined ? '' : `, ${count(runsBelow)} below ${at}%, ${count(runsAbove ?? 0)} above`;
    const threshold = learned && at !== undefined ? { at, low: lowPct ?? at, high: highPct ?? at } : undefined;
    const ended = `${count(n)} ended${sides}`;
    return [{ id, type, model, learned, verdict: verdictOf(cliff), curve: cliffCurve(cliff), threshold, ended, n }];
  });
  return views.sort((a, b) => Number(b.learned) - Number(a.learned) || b.n - a.n);
}

function verdictOf({ status, atPct, lowPct, highPct, needsBelow, needsAbove }: Cliff): string {
  if (status === 'learned') return `ends worse below ${atPct}% (${lowPct}–${highPct}%)`;
  if (status === 'none') return 'no cliff is seen';
  const needs = [needsBelow ? `${count(needsBelow)} below` : '', needsAbove ? `${count(needsAbove)} above` : ''];
  return `too few to tell; needs ${needs.filter(Boolean).join(' and ')} ${atPct}%`;
}

export interface Percentiles {
  n: number;
  p50: number;
  p95: number;
  p99: number;
}

/** Percentiles of a measure over a scope's counters, from its sketch; undefined of nothing. */
export function percentiles(row: Counters, measure: string): Percentiles | undefined {
  const histogram = buckets(row, measure);
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => quantile(histogram, q)) as [number?, number?, number?];
  if (p50 === undefined || p95 === undefined || p99 === undefined) return undefined;
  return { n: [...histogram.values()].reduce((sum, n) => sum + n, 0), p50, p95, p99 };
}

/** A percentile in each slot of a range that has any. */
export function percentileOverTime(timeframe: Timeframe, measure: string, q: number): Point[] {
  return slotPoints(timeframe, (rollup) => quantile(buckets(rollup.c['fleet'] ?? {}, measure), q));
}

/** How long rotations took from the signal to a successor at work: the median and the 95th percentile, in milliseconds. */
export function timeToRotate(signals: readonly Signal[]): { n: number; p50: number; p95: number } | undefined {
  const durations = signals
    .flatMap((s) => (s.createdAt === undefined || s.completedAt === undefined ? [] : Math.max(0, s.completedAt - s.createdAt)))
    .sort((a, b) => a - b);
  const at = (q: number) => durations[nearestRank(q, durations.length) - 1] as number;
  return durations.length ? { n: durations.length, p50: at(0.5), p95: at(0.95) } : undefined;
}

export const INCIDENTS = [
  { kind: 'claim_collision', name: 'claim collisions', color: 'var(--c1)' },
  { kind: 'branch_held', name: 'branch held', color: 'var(--c2)' },
  { kind: 'branch_contamination', name: 'contaminations', color: 'var(--error)' },
  { kind: 'dispatch_refused', name: 'dispatches refused', color: 'var(--c3)' },
  { kind: 'git_failure', name: 'git failures', color: 'var(--c4)' },
] as const;

/** The number of incidents of each kind in each slot of a range. */
export function incidentSeries(timeframe: Timeframe): { name: string; color: string; points: Point[]; n: number }[] {
  const sum = countersOf(timeframe.rollups, 'fleet');
  return INCIDENTS.map(({ kind, name, color }) => ({
    name,
    color,
    n: sum[`incidents_${kind}`] ?? 0,
    points: slotPoints(timeframe, (rollup) => rollup.c['fleet']?.[`incidents_${kind}`] ?? 0),
  })).filter((s) => s.n > 0);
}

/** For each minute of the last hour: the number of agents at work (x), and the tasks completed a minute (y). */
export function throughputByWorkers(rings: Snapshot['rings']): Point[] {
  const workers = new Map(ring(rings, 'parallel_agents').map((p) => [p.x, p.y]));
  return growth(ring(rings, 'tasks_completed')).flatMap(({ x, y }) => (workers.has(x) ? [{ x: workers.get(x) as number, y: y * 60 }] : []));
}

/** The mean throughput of each number of workers, fewest workers first. */
export function meanByWorkers(points: readonly Point[]): Point[] {
  const byWorkers = new Map<number, number[]>();
  for (const p of points) byWorkers.set(p.x, [...(byWorkers.get(p.x) ?? []), p.y]);
  const means = [...byWorkers].map(([x, ys]) => ({ x, y: ys.reduce((sum, y) => sum + y, 0) / ys.length }));
  return means.sort((a, b) => a.x - b.x);
}

/** The open sessions by tenths of context left, of hourly snapshots and the newest one, oldest first. */
export function histograms(snapshots: readonly Snapshot[], newest: Snapshot | null | undefined): { at: number; steps: readonly number[] }[] {
  const all = [...snapshots, ...(newest ? [newest] : [])];
  const columns = all.flatMap(({ at, contextHistogram: steps }) => {
    return at !== undefined && steps.length === 10 && steps.every((n) => n >= 0) ? [{ at, steps }] : [];
  });
  return [...new Map(columns.map((column) => [column.at, column])).values()].sort((a, b) => a.at - b.at);
}
