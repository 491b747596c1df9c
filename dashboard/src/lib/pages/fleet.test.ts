import { describe, expect, test } from 'vitest';
import { readAlert } from '../documents/alert';
import { readRollup } from '../documents/rollup';
import { readSession } from '../documents/session';
import { readSignal } from '../documents/signal';
import type { Fields } from '../documents/values';
import { alertsAndSignals, byContextLeft, byState, costByTier, isTooYoung, lastDay, merged, rotateSignals, shares } from './fleet';

const spent = (period: string, byHour: Record<number, number>) =>
  readRollup('', { period, cost_nanousd_by_hour: Array.from({ length: 24 }, (_, n) => byHour[n] ?? 0) });
const day = (period: string, c: Fields) => readRollup('', { period, c });
const session = (id: string, fields: Fields) => readSession(id, fields);

describe('the day of spend', () => {
  const now = Date.parse('2026-02-16T18:20:00Z');

  test('ends now, and hours without spend are zero', () => {
    const { hours, past } = lastDay([spent('2026-02-16', { 17: 5, 3: 7 })], now);
    expect(past).toBe(false);
    expect(hours).toHaveLength(24);
    expect(hours.at(-1)).toEqual({ start: Date.parse('2026-02-16T18:00:00Z'), nanousd: 0 });
    expect(hours.filter((h) => h.nanousd > 0).map((h) => h.nanousd)).toEqual([7, 5]);
  });

  test('ends with the newest spend when that is longer ago, as after a replay', () => {
    const { hours, past } = lastDay([spent('2025-11-03', { 9: 5, 8: 7 }), spent('2025-11-01', { 8: 9 })], now);
    expect(past).toBe(true);
    expect(hours.slice(-2).map((h) => h.nanousd)).toEqual([7, 5]);
    expect(hours.reduce((sum, h) => sum + h.nanousd, 0)).toBe(12);
  });

  test('of a fleet that never spent is 24 zeros', () => {
    expect(lastDay([], now)).toMatchObject({ past: false });
    expect(lastDay([readRollup('', { period: 'garbage' })], now).hours.every((h) => h.nanousd === 0)).toBe(true);
  });
});

test('no month is told from less than an hour of spend', () => {
  const now = Date.parse('2026-02-16T18:20:00Z');
  expect(isTooYoung([spent('2026-02-16', { 18: 5 })], now)).toBe(true);
  expect(isTooYoung([spent('2026-02-16', { 17: 1, 18: 5 })], now)).toBe(true);
  expect(isTooYoung([spent('2026-02-16', { 16: 1, 18: 5 })], now)).toBe(false);
  expect(isTooYoung([spent('2026-02-16', { 18: 5 }), spent('2026-02-12', { 3: 5 })], now)).toBe(false);
  expect(isTooYoung([], now)).toBe(false);
});

describe('cost per completed task', () => {
  test('is all spend over all completions, by tier, over the days there are', () => {
    const cost = costByTier([
      day('2026-02-16', { fleet: { cost_nanousd: 30, tasks_completed: 3, root_tasks_completed: 1, subtasks_completed: 2, llm_calls: 8, unpriced_calls: 2 }, 'tier:light': { task_cost_nanousd: 10, tasks_completed: 2 } }),
      day('2026-02-12', { fleet: { cost_nanousd: 10, tasks_completed: 1, root_tasks_completed: 1 }, 'tier:frontier': { task_cost_nanousd: 30 }, 'tier:light': { task_cost_nanousd: 2, tasks_completed: 2, tasks_completed_unpriced: 1 } }),
    ]);
    expect(cost).toEqual({
      fleet: { costNanousd: 40, completed: 2, perTaskNanousd: 20, subtasks: 2, unpriced: 0 },
      tiers: [
        { tier: 'frontier', costNanousd: 30, completed: 0, perTaskNanousd: undefined, unpriced: 0 },
        { tier: 'light', costNanousd: 12, completed: 4, perTaskNanousd: 3, unpriced: 1 },
      ],
      first: '2026-02-12',
      last: '2026-02-16',
      days: 2,
      unpricedCalls: 2,
      calls: 8,
    });
  });

  test('is unknown, and no cost of nothing, where no call has a known price', () => {
    const row = { tasks_completed: 2, root_tasks_completed: 2, llm_calls: 3, unpriced_calls: 3 };
    const cost = costByTier([day('2026-02-16', { fleet: row, 'tier:local': row, 'tier:light': { ...row, tasks_completed: 0 } })]);
    for (const { costNanousd, perTaskNanousd } of [cost?.fleet, ...(cost?.tiers ?? [])].flatMap((c) => c ?? [])) {
      expect([costNanousd, perTaskNanousd]).toEqual([undefined, undefined]);
    }
    expect(cost?.tiers.map((t) => t.tier)).toEqual(['light', 'local']);
  });

  test('of a fleet is unknown where an older version counted a part of it', () => {
    const fleet = costByTier([day('2026-02-16', { fleet: { cost_nanousd: 30, tasks_completed: 3, root_tasks_completed: 1 } })])?.fleet;
    expect(fleet).toMatchObject({ completed: undefined, perTaskNanousd: undefined, costNanousd: 30 });
  });

  test('lists tiers in a fixed order, those of the fleet’s own after them', () => {
    const row = { task_cost_nanousd: 1, tasks_completed: 1 };
    const c = Object.fromEntries(['tier:zeta', 'tier:_unknown', 'tier:light', 'tier:frontier'].map((scope) => [scope, row]));
    expect(costByTier([day('2026-02-16', c)])?.tiers.map((t) => t.tier)).toEqual(['frontier', 'light', '_unknown', 'zeta']);
  });

  test('of no days, or of days nothing can be read of, is unknown', () => {
    expect(costByTier([])).toBeUndefined();
    expect(costByTier([day('2026-02-16', {}), day('soon', { fleet: { cost_nanousd: 1 } })])).toBeUndefined();
  });
});

test('sessions are listed by how near their cliff is, those that are over at the end', () => {
  const listed = byContextLeft([
    session('done-early', { state: 'completed', context_remaining_pct: 1, last_seen_at: '2026-02-16T08:00:00Z' }),
    session('roomy', { state: 'active', context_remaining_pct: 80 }),
    session('silent', { state: 'idle' }),
    session('done-late', { state: 'completed', context_remaining_pct: 50, last_seen_at: '2026-02-16T09:00:00Z' }),
    session('near', { state: 'stuck', context_remaining_pct: 8 }),
    session('replayed', { state: 'idle', context_remaining_pct: 2, last_seen_at: '2026-02-16T08:30:00Z' }),
    session('between-tasks', { state: 'idle', context_remaining_pct: 9, last_seen_at: '2026-02-16T08:30:00Z', heartbeat_s: 60 }),
  ], Date.parse('2026-02-16T10:00:00Z'));
  expect(listed.map((s) => s.id)).toEqual(['near', 'between-tasks', 'roomy', 'silent', 'done-late', 'replayed', 'done-early']);
});

test('a session is marked by its newest rotate signal', () => {
  const newest = rotateSignals([
    readSignal('1', { kind: 'rotate', session_id: 's', status: 'expired', created_at: '2026-02-16T08:00:00Z' }),
    readSignal('2', { kind: 'rotate', session_id: 's', status: 'pending', created_at: '2026-02-16T09:00:00Z' }),
    readSignal('3', { kind: 'pause', session_id: 's', created_at: '2026-02-16T10:00:00Z' }),
    readSignal('4', { kind: 'rotate' }),
  ]);
  expect([...newest.values()].map((s) => s.status)).toEqual(['pending']);
});

test('states keep their order, strange ones come last and empty ones not at all', () => {
  expect(byState({ error: 1, dreaming: 2, active: 3, idle: 0, completed: 9 })).toEqual([
    { state: 'active', n: 3 },
    { state: 'error', n: 1 },
    { state: 'dreaming', n: 2 },
  ]);
});

test('alerts and signals are one list, the newest first', () => {
  const alerts = [readAlert('a', { opened_at: '2026-02-16T08:30:00Z' })];
  const signals = ['08:00', '09:00', '07:00'].map((t) => readSignal(t, { created_at: `2026-02-16T${t}:00Z` }));
  expect(alertsAndSignals(alerts, signals, 3).map((f) => ('alert' in f ? f.alert.id : f.signal.id))).toEqual(['09:00', 'a', '08:00']);
});

test('a session of two lists is listed once', () => {
  const [a, b] = [session('a', {}), session('b', {})];
  expect(merged([a, b], [b])).toEqual([a, b]);
});

test('parts of a whole are the largest and the rest', () => {
  expect(shares({ a: 1, b: 5, c: 3, d: 0, _other: 1 }, 6).map((s) => [s.key, s.n])).toEqual([['b', 5], ['c', 3], ['a', 1], ['_other', 1]]);
  expect(shares({ a: 1, b: 5, c: 3, _other: 1 }, 3)).toEqual([{ key: 'b', n: 5, part: 0.5 }, { key: 'c', n: 3, part: 0.3 }, { key: '_other', n: 2, part: 0.2 }]);
  expect(shares({}, 3)).toEqual([]);
});
