/** What the health page listens to, and what it derives: pure but for the first. */

import { limit, orderBy, where } from 'firebase/firestore';
import { sumOf, wilson } from '../derive/derived';
import { rangeOf, slotPoints, type Window } from '../derive/range';
import { growth, ring, type Point } from '../derive/series';
import { buckets, quantile } from '../derive/sketch';
import { readBaseline, type Baseline, type Cliff } from '../documents/baseline';
import { readIncident } from '../documents/incident';
import { readSignal, type Signal } from '../documents/signal';
import { readSnapshot, type Snapshot } from '../documents/snapshot';
import type { Counters } from '../documents/values';
import type { Listening } from '../firestore/listening';
import { now, policy, rollups, within } from '../firestore/queries';
import { count } from '../format/fmt';
import type { Params } from '../state/address';

/** The first snapshot of each hour. */
const HOURS = 48;

export function healthPage(listen: Listening, fleet: string, params: Params) {
  const { list, newest } = within(listen, fleet);
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
export function percentileOverTime(window: Window, measure: string, q: number): Point[] {
  return slotPoints(window, (rollup) => quantile(buckets(rollup.c['fleet'] ?? {}, measure), q));
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
    points: slotPoints(window, (rollup) => rollup.c['fleet']?.[`incidents_${kind}`] ?? 0),
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
