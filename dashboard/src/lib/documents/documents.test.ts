import { describe, expect, test } from 'vitest';
import { readAlert } from './alert';
import { readPolicy } from './fleet';
import { readRollup } from './rollup';
import { goesOn, readSession, stateOrEnd, withWindow } from './session';
import { readSignal } from './signal';
import { readSnapshot } from './snapshot';
import { readTask } from './task';

const GARBAGE: unknown[] = [null, undefined, 0, -1, NaN, Infinity, '', 'x', true, [], [null], {}, { a: { b: null } }];
const FIELDS = ['at', 'sessions', 'rings', 'queue_depth', 'burn_nanousd_per_h', 'period', 'c', 'state', 'agent_id', 'last_seen_at', 'ended_at'].concat(
  ['context_remaining_pct', 'generation', 'kind', 'status', 'created_at', 'threshold_pct', 'rotation', 'name', 'queue_max_tasks'],
  ['tools', 'cost_usd', 'tokens_in', 'value', 'severity', 'active_by_model', 'utilisation', 'effective_state', 'effective_progress_at', 'title'],
);

test('no document throws, whatever is in it', () => {
  for (const value of GARBAGE) {
    const document = Object.fromEntries(FIELDS.map((name) => [name, value]));
    for (const read of [readAlert, readSnapshot, readRollup, readSession, readSignal, readTask, readPolicy]) expect(() => read('id', document)).not.toThrow();
  }
});

describe('what is missing or broken is unknown, never zero', () => {
  test('in a snapshot', () => {
    const now = readSnapshot('now', { queue_depth: '4', burn_nanousd_per_h: -1, sessions: 'many', rings: { at_ms: [1, 'x', 3] } });
    expect(now).toMatchObject({ at: undefined, queueDepth: undefined, burnNanousdPerH: undefined, sessions: undefined });
    expect(now.rings).toEqual({ at_ms: [1, NaN, 3] });
  });

  test('in a session', () => {
    const session = readSession('s', { context_remaining_pct: 140, cost_nanousd: 'free', last_seen_at: 'yesterday', state: 42 });
    expect(session).toMatchObject({ contextLeftPct: undefined, costNanousd: undefined, lastSeenAt: undefined, state: 'idle', open: true });
  });

  test('in a rollup, no scope from before names were escaped', () => {
    const c = { 'model:llama3:8b': { tokens_in: 2 }, 'model:llama3%3A8b': { tokens_in: 3, llm_calls: 1 } };
    expect(readRollup('r', { c }).c).toEqual({ 'model:llama3%3A8b': { tokens_in: 5, llm_calls: 1 } });
  });

  test('in a rollup, only the broken counters', () => {
    expect(readRollup('r', { c: { fleet: { cost_nanousd: 5, llm_calls: 'x' }, 'tier:light': 7 } }).c).toEqual({ fleet: { cost_nanousd: 5 }, 'tier:light': {} });
  });
});

describe('a session', () => {
  test('says what is left of its context by its tokens where it says no percentage', () => {
    expect(readSession('s', { context_used_tokens: 150_000, context_window_tokens: 200_000 }).contextLeftPct).toBe(25);
    expect(readSession('s', { context_used_tokens: 250_000, context_window_tokens: 200_000 }).contextLeftPct).toBe(0);
    expect(readSession('s', { context_used_tokens: 1, context_window_tokens: 0 }).contextLeftPct).toBeUndefined();
    expect(readSession('s', { context_used_tokens: 1, context_window_tokens: 2, context_remaining_pct: 0 }).contextLeftPct).toBe(0);
  });

  test('takes instants as Firestore and as ISO text has them', () => {
    const timestamp = { toMillis: () => 1_771_264_800_000 };
    expect(readSession('s', { last_seen_at: timestamp }).lastSeenAt).toBe(1_771_264_800_000);
    expect(readSession('s', { last_seen_at: '2026-02-16T18:00:00+00:00' }).lastSeenAt).toBe(1_771_264_800_000);
  });

  test('whose end is known is shown as ended, whatever its state says', () => {
    const now = Date.parse('2026-02-16T18:01:00Z');
    const shown = (fields: Record<string, unknown>) => {
      const session = readSession('s', { state: 'idle', last_seen_at: '2026-02-16T18:00:00Z', ...fields });
      return [stateOrEnd(session, now), goesOn(session, now)];
    };
    expect(shown({ ended_at: '2026-02-16T18:00:00Z' })).toEqual(['over', false]);
    expect(shown({ end_reason: 'rotated' })).toEqual(['rotated', false]);
    expect(shown({ state: 'completed' })).toEqual(['completed', false]);
    expect(shown({ voided: true })).toEqual(['over', false]);
    expect(shown({ effective_state: 'stuck', state: 'active', end_reason: 'crashed' })).toEqual(['crashed', false]);
    expect(shown({})).toEqual(['idle', true]);
  });

  test('of a recording, which nothing says the end of, is not shown as one that goes on', () => {
    const now = Date.parse('2026-02-16T20:00:00Z');
    const shown = (fields: Record<string, unknown>) => stateOrEnd(readSession('s', { state: 'idle', last_seen_at: '2026-02-16T18:00:00Z', ...fields }), now);
    expect(shown({})).toBe('end unknown');
    expect(shown({ heartbeat_s: 60 })).toBe('idle');
    expect(shown({ state: 'waiting' })).toBe('waiting');
    expect(shown({ last_seen_at: '2026-02-16T19:30:00Z' })).toBe('idle');
  });

  test('is in the state it was found to be in, until it makes progress', () => {
    const stuck = { state: 'active', effective_state: 'stuck', effective_progress_at: '2026-02-16T18:00:00Z' };
    expect(readSession('s', { ...stuck, last_progress_at: '2026-02-16T18:00:00Z' }).state).toBe('stuck');
    expect(readSession('s', { ...stuck, last_progress_at: '2026-02-16T18:00:01Z' }).state).toBe('active');
    expect(readSession('s', { ...stuck, state: 'completed', last_progress_at: '2026-02-16T18:00:00Z' }).state).toBe('completed');
  });

  test('has the window that the fleet lists for its model, where it states none', () => {
    const window = (fields: object) => withWindow(readSession('s', { model: 'm', context_used_tokens: 700, ...fields }), { m: 1000 });
    expect(window({})).toMatchObject({ contextWindowTokens: 1000, contextLeftPct: expect.closeTo(30) as number });
    expect(window({ context_window_tokens: 2000 })).toMatchObject({ contextWindowTokens: 2000, contextLeftPct: 65 });
    expect(window({ model: 'another' })).toMatchObject({ contextWindowTokens: undefined, contextLeftPct: undefined });
  });

  test('is open until it is completed or has ended', () => {
    expect(readSession('s', { state: 'error' }).open).toBe(true);
    expect(readSession('s', { state: 'completed' }).open).toBe(false);
    expect(readSession('s', { state: 'active', ended_at: '2026-02-16T18:00:00Z' }).open).toBe(false);
  });
});

test('a task’s cost is in nano-dollars, or in dollars, or unknown', () => {
  expect(readTask('t', { cost_usd: 0.36, tokens_in: 5, cache_read_tokens: 7 })).toMatchObject({ costNanousd: 360_000_000, tokensIn: 12, tokensOut: undefined });
  expect(readTask('t', { cost_usd: 1, cost_nanousd: 2 }).costNanousd).toBe(2);
  expect(readTask('t', { tools: { grep: { calls: 3 }, broken: 4 } })).toMatchObject({ costNanousd: undefined, tools: { grep: { calls: 3, errors: 0, durationMs: undefined } } });
});

test('a fleet without a document has the default policy', () => {
  expect(readPolicy('f', {})).toEqual({ name: undefined, rotation: { rotateBelowPct: 35, byModel: {}, byTaskType: {}, learned: false, learnedMinPct: 20, learnedMaxPct: 60, maxUsedTokens: undefined, maxUsedTokensByModel: {} }, handoffTargetMs: 45_000, contextWindows: {}, queueMaxTasks: undefined, hourlyBudgetNanousd: undefined });
});
