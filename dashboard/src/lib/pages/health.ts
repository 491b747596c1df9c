/** What the health page listens to, and what it derives: pure but for the first. */

import { limit, orderBy, where } from 'firebase/firestore';
import { sumOf, wilson } from '../derive/derived';
import { rangeOf, type Window } from '../derive/range';
import { growth, ring, type Point } from '../derive/series';
import { buckets, quantile } from '../derive/sketch';
import { readBaseline, type Cliff } from '../documents/baseline';
import { readIncident } from '../documents/incident';
import { readSignal, type Signal } from '../documents/signal';
import { readSnapshot, type Snapshot } from '../documents/snapshot';
import type { Counters } from '../documents/values';
import type { Listening } from '../firestore/listening';
import { now, policy, rollups, within } from '../firestore/queries';

/** The first snapshot of each hour. */
const HOURS = 48;

export function healthPage(listen: Listening, fleet: string, said: Readonly<Record<string, string | undefined>>) {
  const { list, newest } = within(listen, fleet);
  const range = rangeOf(said['range']);
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
  return runs.flatMap((n, i) => (n > 0 ? [{ from: i * 10, n, share: Math.min(1, (bad[i] ?? 0) / n), ...wilson(Math.min(n, bad[i] ?? 0), n) }] : []));
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
export function percentileOverTime(window: Window, measure: string, q: number): Point[] {
  return window.slots.flatMap((s) => {
    const y = quantile(buckets(s.rollup?.c['fleet'] ?? {}, measure), q);
    return y === undefined ? [] : [{ x: (s.start + s.end) / 2, y }];
  });
}

/** How long rotations took from being told of to a successor at work: the median and the 95th percentile of those that were. */
export function timeToRotate(signals: readonly Signal[]): { n: number; p50: number; p95: number } | undefined {
  const took = signals.flatMap((s) => (s.createdAt !== undefined && s.completedAt !== undefined ? [Math.max(0, s.completedAt - s.createdAt)] : [])).sort((a, b) => a - b);
  const at = (q: number) => took[Math.floor(q * (took.length - 1))] as number;
  return took.length ? { n: took.length, p50: at(0.5), p95: at(0.95) } : undefined;
}

export const INCIDENTS = [
  { kind: 'claim_collision', said: 'claim collisions', color: 'var(--c1)' },
  { kind: 'branch_held', said: 'branch held', color: 'var(--c2)' },
  { kind: 'branch_contamination', said: 'contaminations', color: 'var(--error)' },
  { kind: 'dispatch_refused', said: 'dispatches refused', color: 'var(--c3)' },
  { kind: 'git_failure', said: 'git failures', color: 'var(--c4)' },
] as const;

/** How many of each kind there were in each slot of a range. */
export function incidentSeries(window: Window): { name: string; color: string; points: Point[]; n: number }[] {
  const sum = sumOf(window.rollups, 'fleet');
  return INCIDENTS.map(({ kind, said, color }) => ({
    name: said,
    color,
    n: sum[`incidents_${kind}`] ?? 0,
    points: window.slots.flatMap((s) => (s.rollup ? [{ x: (s.start + s.end) / 2, y: s.rollup.c['fleet']?.[`incidents_${kind}`] ?? 0 }] : [])),
  })).filter((s) => s.n > 0);
}

/** For each minute of the last hour: how many agents were at work, and how many tasks a minute were completed. */
export function throughputByWorkers(rings: Snapshot['rings']): Point[] {
  const workers = new Map(ring(rings, 'parallel_agents').map((p) => [p.x, p.y]));
  return growth(ring(rings, 'tasks_completed')).flatMap(({ x, y }) => (workers.has(x) ? [{ x: workers.get(x) as number, y: y * 60 }] : []));
}

/** The mean of what was achieved with each number of workers, fewest first. */
export function meanByWorkers(points: readonly Point[]): Point[] {
  const found = new Map<number, number[]>();
  for (const p of points) found.set(p.x, [...(found.get(p.x) ?? []), p.y]);
  return [...found].map(([x, ys]) => ({ x, y: ys.reduce((sum, y) => sum + y, 0) / ys.length })).sort((a, b) => a.x - b.x);
}

/** Hourly snapshots and the newest, oldest first: the open sessions by tenths of context left. */
export function histograms(snapshots: readonly Snapshot[], newest: Snapshot | null | undefined): { at: number; steps: readonly number[] }[] {
  const all = [...snapshots, ...(newest ? [newest] : [])];
  const found = all.flatMap((s) => (s.at !== undefined && s.contextHistogram.length === 10 && s.contextHistogram.every((n) => n >= 0) ? [{ at: s.at, steps: s.contextHistogram }] : []));
  return [...new Map(found.map((f) => [f.at, f])).values()].sort((a, b) => a.at - b.at);
}
