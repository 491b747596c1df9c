import { describe, expect, test } from 'vitest';
import { wilson } from '../derive/derived';
import { rangeOf, timeframeOf } from '../derive/range';
import { readBaseline } from '../documents/baseline';
import { readIncident } from '../documents/incident';
import { readRollup } from '../documents/rollup';
import { readSignal } from '../documents/signal';
import { readSnapshot } from '../documents/snapshot';
import { cliffCurve, histograms, incidentSeries, meanByWorkers, percentileOverTime, percentiles, throughputByWorkers, timeToRotate } from './health';

const MIN = 60_000;
const NOW = Date.parse('2026-02-16T18:20:00Z');
const hour = (period: string, fleet: Record<string, number>) => readRollup('', { period, c: { fleet } });

describe('percentiles', () => {
  test('are of all slots together, and of each', () => {
    const rollups = [hour('2026-02-16T17', { 'handoff_ms~1': 9 }), hour('2026-02-16T16', { 'handoff_ms~200': 1 })];
    const timeframe = timeframeOf(rangeOf('24h'), rollups, NOW);
    const all = percentiles({ 'handoff_ms~1': 5, 'handoff_ms~200': 5 }, 'handoff_ms');
    expect(all?.n).toBe(10);
    expect(all?.p50).toBeLessThan(all?.p99 ?? 0);
    expect(percentileOverTime(timeframe, 'handoff_ms', 0.5)).toHaveLength(2);
    expect(percentiles({}, 'handoff_ms')).toBeUndefined();
  });
});

test('time to rotate is of the rotations that came to a successor at work', () => {
  const rotated = (s: number | undefined, id = String(s)) =>
    readSignal(id, { created_at: '2026-02-16T18:00:00Z', ...(s === undefined ? {} : { completed_at: new Date(Date.parse('2026-02-16T18:00:00Z') + s * 1000).toISOString() }) });
  expect(timeToRotate([rotated(30), rotated(undefined), rotated(10), rotated(20)])).toEqual({ n: 3, p50: 20_000, p95: 30_000 });
  expect(timeToRotate([rotated(undefined)])).toBeUndefined();
});

test('incidents are drawn by kind, those of which there were none left out', () => {
  const timeframe = timeframeOf(rangeOf('24h'), [hour('2026-02-16T17', { incidents_claim_collision: 2 }), hour('2026-02-16T18', { incidents_git_failure: 1 })], NOW);
  expect(incidentSeries(timeframe).map((s) => [s.name, s.n, s.points.map((p) => p.y)])).toEqual([
    ['claim collisions', 2, [2, 0]],
    ['git failures', 1, [0, 1]],
  ]);
});

test('throughput is set against how many were at work in the same minute', () => {
  const rings = { at_ms: [0, 1, 2, 3].map((n) => n * MIN), parallel_agents: [2, 2, 4, 4], tasks_completed: [0, 2, 6, 9] };
  const points = throughputByWorkers(rings);
  expect(points).toEqual([{ x: 2, y: 2 }, { x: 4, y: 3 }, { x: 4, y: 3 }]);
  expect(meanByWorkers([...points, { x: 4, y: 6 }])).toEqual([{ x: 2, y: 2 }, { x: 4, y: 4 }]);
});

test('context over time is of snapshots that say it, each once, the oldest first', () => {
  const snapshot = (at: string, context_histogram: unknown) => readSnapshot('', { at, context_histogram });
  const tenths = Array.from({ length: 10 }, (_, i) => i);
  const columns = histograms([snapshot('2026-02-16T18:00:00Z', tenths), snapshot('2026-02-16T17:00:00Z', tenths), snapshot('2026-02-16T16:00:00Z', 'x')], snapshot('2026-02-16T18:00:00Z', tenths));
  expect(columns.map((f) => new Date(f.at).getUTCHours())).toEqual([17, 18]);
});

describe('a cliff', () => {
  const cliff = { status: 'learned', runs: [10, 0, 5, 5, 5, 5, 5, 5, 5, 5], bad: [9, 0, 0, 0, 0, 0, 0, 0, 0, 0], at_pct: 20, needs_below: 0, needs_above: 0 };
  test('is drawn where there are runs, with how sure that is', () => {
    const curve = cliffCurve(readBaseline('b', { cliff }).cliff as never);
    expect(curve).toHaveLength(9);
    expect(curve[0]).toMatchObject({ from: 0, n: 10, share: 0.9 });
    expect(curve[0]?.low).toBeGreaterThan(0.5);
    expect(wilson(0, 5).high).toBeCloseTo(0.4345, 3);
  });
  test('that cannot be read is none', () => {
    for (const broken of [{ ...cliff, runs: [1] }, { ...cliff, bad: 'x' }, { ...cliff, status: 'maybe' }, 7, undefined]) {
      expect(readBaseline('b', { cliff: broken }).cliff).toBeUndefined();
    }
  });
});

test('no incident throws, whatever is in it', () => {
  for (const value of [null, undefined, 0, NaN, '', 'x', [], {}]) expect(() => readIncident('i', { kind: value, occurred_at: value, branch: value })).not.toThrow();
});
