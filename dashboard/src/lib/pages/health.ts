/** What the health page listens to, and what it derives: pure but for the first. */

import { limit, orderBy, where } from 'firebase/firestore';
import { readBaseline } from '../documents/baseline';
import { now, policy, rollups, within } from '../firestore/queries';
import { readNow, readSignal, type Counters, type Now, type Signal } from '../documents/documents';
import type { Listening } from '../firestore/listening';
import { rangeOf, type Window } from '../derive/range';
import { growth, ring, sumOf, type Point } from '../derive/series';
import { buckets, quantile } from '../derive/sketch';
import { instant, text, type Fields } from '../documents/values';

/** The first snapshot of each hour. */
const HOURS = 48;

export function healthPage(listen: Listening, fleet: string, said: Readonly<Record<string, string | undefined>>) {
  const { list, newest } = within(listen, fleet);
  const range = rangeOf(said['range']);
  return {
    range,
    policy: policy(listen, fleet),
    now: now(listen, fleet),
    snapshots: list(newest('snapshots', 'hour', HOURS), readNow),
    rollups: rollups(listen, fleet, range),
    baselines: list(newest('baselines', 'runs', 12), readBaseline),
    signals: list(['signals', where('kind', '==', 'rotate'), orderBy('created_at', 'desc'), limit(60)], readSignal),
    incidents: list(newest('incidents', 'occurred_at', 20), readIncident),
  };
}

export type HealthPage = ReturnType<typeof healthPage>;

/** `incidents/{incident}`: agents stepped on each other. */
export interface Incident {
  id: string;
  kind: string;
  agent: string | undefined;
  other: string | undefined;
  task: string | undefined;
  branch: string | undefined;
  detail: string | undefined;
  at: number | undefined;
}

export function readIncident(id: string, d: Fields): Incident {
  return {
    id,
    kind: text(d['kind']) ?? 'incident',
    agent: text(d['agent_id']),
    other: text(d['other_agent_id']),
    task: text(d['task_id']),
    branch: text(d['branch']),
    detail: text(d['detail']) ?? text(d['reason']),
    at: instant(d['occurred_at']),
  };
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
export function throughputByWorkers(rings: Now['rings']): Point[] {
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
export function histograms(snapshots: readonly Now[], newest: Now | null | undefined): { at: number; steps: readonly number[] }[] {
  const all = [...snapshots, ...(newest ? [newest] : [])];
  const found = all.flatMap((s) => (s.at !== undefined && s.contextHistogram.length === 10 && s.contextHistogram.every((n) => n >= 0) ? [{ at: s.at, steps: s.contextHistogram }] : []));
  return [...new Map(found.map((f) => [f.at, f])).values()].sort((a, b) => a.at - b.at);
}
