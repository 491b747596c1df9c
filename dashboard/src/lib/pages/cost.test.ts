import { describe, expect, test } from 'vitest';
import { concentrated, dimensions, groups, month, perTaskLines, savings, tierRatio } from './cost';
import { concentration, dimensionOf, outcomes, overheads, ratios, summed, valueOf } from '../derive/derived';
import { readRollup } from '../documents/documents';
import { rangeOf, windowOf } from '../derive/range';

const DAY = 86_400_000;
const rollup = (period: string, c: Record<string, Record<string, number>>) => readRollup('', { period, c });

describe('what derives from counters', () => {
  test('is undefined where it would divide by nothing', () => {
    expect(Object.values(ratios({})).every((value) => value === undefined)).toBe(true);
    expect(ratios({ cost_nanousd: 10, tasks_completed: 4 }).perCompletedNanousd).toBe(2.5);
    expect(ratios({ cost_nanousd: 10, task_cost_nanousd: 8, tasks_completed: 4 }).perCompletedNanousd).toBe(2);
  });

  test('takes unpriced calls of agents that tell no calls for all of them', () => {
    expect(ratios({ unpriced_calls: 3 }).unpricedShare).toBe(1);
    expect(ratios({ unpriced_calls: 3, llm_calls: 12 }).unpricedShare).toBe(0.25);
  });

  test('has an outcome only for what ended, and every kind of overhead', () => {
    expect(outcomes({ retry_completed: 1, retry_failed: 3 })).toMatchObject([{ kind: 'retry', n: 4, rate: 0.25 }]);
    expect(overheads({ cost_nanousd: 8, retries: 2, retry_cost_nanousd: 2 }).map((o) => [o.kind, o.n, o.share])).toEqual([['retry', 2, 0.25], ['rotation', 0, 0], ['handoff', 0, 0]]);
  });

  test('counts the fewest amounts that make 80 %', () => {
    expect(concentration([50, 30, 15, 5, 0])).toEqual({ n: 2, of: 4 });
    expect(concentration([7])).toEqual({ n: 1, of: 1 });
    expect(concentration([0, -1])).toBeUndefined();
  });

  test.each([
    ['fleet', 'fleet', 'fleet'],
    ['model:a:b', 'model', 'a:b'],
    ['type:fix', 'type', 'fix'],
    ['type:fix|model:m', 'type|model', 'fix · m'],
    ['label:team=core=1', 'label:team', 'core=1'],
  ])('reads the scope %s', (scope, dimension, value) => {
    expect([dimensionOf(scope), valueOf(scope)]).toEqual([dimension, value]);
  });
});

describe('groups', () => {
  const cells = summed([
    rollup('2026-02-16', { fleet: { cost_nanousd: 60 }, 'tier:light': { cost_nanousd: 20, tasks_completed: 10 }, 'tier:_other': { cost_nanousd: 30 }, 'label:team=core': { cost_nanousd: 1 } }),
    rollup('2026-02-17', { fleet: { cost_nanousd: 40 }, 'tier:light': { cost_nanousd: 5 }, 'tier:frontier': { cost_nanousd: 45, tasks_completed: 3 }, 'tool:Bash': { tool_calls: 9 } }),
  ]);

  test('come dearest first, what is not told apart last', () => {
    expect(groups(cells, 'tier').map((g) => [g.name, g.nanousd, g.share])).toEqual([['frontier', 45, 0.45], ['light', 25, 0.25], ['_other', 30, 0.3]]);
    expect(concentrated(groups(cells, 'tier'))).toEqual({ n: 3, of: 3, nanousd: 100, complete: false });
  });

  test('are of the dimensions that anything was spent on', () => {
    expect(dimensions(cells)).toEqual(['tier', 'label:team']);
  });

  test('of tiers are compared by what their completed tasks cost', () => {
    expect(tierRatio(cells)).toEqual({ dearest: 'frontier', cheapest: 'light', ratio: 6 });
    expect(tierRatio({ 'tier:light': { cost_nanousd: 5, tasks_completed: 1 } })).toBeUndefined();
  });
});

test('a line has no point where nothing was completed', () => {
  const days = [rollup('2026-02-16', { 'tier:light': { cost_nanousd: 20, tasks_completed: 10 } }), rollup('2026-02-17', { 'tier:light': { cost_nanousd: 9 } })];
  const lines = perTaskLines(windowOf(rangeOf('7d'), days, Date.UTC(2026, 1, 17, 12)), 'tier', 5);
  expect(lines).toEqual([{ name: 'light', points: [{ x: Date.UTC(2026, 1, 16, 12), y: 2 }] }]);
});

test('cache savings are told only where the ratio of the prices is known', () => {
  const row = { tokens_in: 100, cache_read_tokens: 1000, cache_write_tokens: 100, tokens_out: 20, cost_nanousd: 425 };
  const found = savings({ 'model:claude-x': row, 'model:gpt-5': row, 'model:claude-y': { ...row, unpriced_calls: 1 }, 'model:idle': {} });
  expect(found.map((s) => [s.model, s.savedNanousd])).toEqual([['claude-x', 875], ['claude-y', undefined], ['gpt-5', undefined]]);
});

describe('a month', () => {
  const now = Date.UTC(2026, 1, 11, 12);
  const days = Array.from({ length: 10 }, (_, i) => rollup(new Date(Date.UTC(2026, 1, 1 + i)).toISOString().slice(0, 10), { fleet: { cost_nanousd: 100 } }));

  test('is projected at the pace of the last week', () => {
    const found = month([...days, rollup('2026-02-11', { fleet: { cost_nanousd: 50 } })], 2, now);
    expect(found).toMatchObject({ spentNanousd: 1050, budgetNanousd: 2 * 24 * 28 });
    expect(found?.pacePerDayNanousd).toBeCloseTo(100);
    expect(found?.projectedNanousd).toBeCloseTo(2800);
    expect(found?.actual.at(-1)).toEqual({ x: now, y: 1050 });
  });

  test('holds each whole day against what the week before it foretold', () => {
    const found = month(days, undefined, now);
    expect(found?.foretold.map((f) => [new Date(f.at).getUTCDate(), Math.round(f.saidNanousd), f.nanousd])).toEqual(Array.from({ length: 9 }, (_, i) => [2 + i, 100, 100]));
    expect(found?.budgetNanousd).toBeUndefined();
  });

  test('that is over is not projected, and without a day there is none', () => {
    expect(month(days, undefined, now + 60 * DAY)).toMatchObject({ spentNanousd: 1000, projectedNanousd: 1000 });
    expect(month([], undefined, now)).toBeUndefined();
  });
});
