import { describe, expect, test } from 'vitest';
import { countersByScope } from '../derive/derived';
import { rangeOf, timeframeOf } from '../derive/range';
import { readRollup } from '../documents/rollup';
import { dimensions, dimensionTitle, folded, groups, month, perTaskLines, savings, spendConcentration, tierRatio } from './cost';

const DAY = 86_400_000;
const rollup = (period: string, c: Record<string, Record<string, number>>) => readRollup('', { period, c });

describe('groups', () => {
  const cells = countersByScope([
    rollup('2026-02-16', { fleet: { cost_nanousd: 60 }, 'tier:light': { cost_nanousd: 20, tasks_completed: 10 }, 'tier:_other': { cost_nanousd: 30 }, 'label:team=core': { cost_nanousd: 1 } }),
    rollup('2026-02-17', { fleet: { cost_nanousd: 40 }, 'tier:light': { cost_nanousd: 5 }, 'tier:frontier': { cost_nanousd: 45, tasks_completed: 3 }, 'tool:Bash': { tool_calls: 9 } }),
  ]);

  test('come dearest first, what is not told apart last', () => {
    expect(groups(cells, 'tier').map((g) => [g.name, g.nanousd, g.share])).toEqual([['frontier', 45, 0.45], ['light', 25, 0.25], ['_other', 30, 0.3]]);
    expect(spendConcentration(groups(cells, 'tier'))).toEqual({ n: 3, of: 3, nanousd: 100, complete: false });
  });

  test('are of the dimensions that anything was spent on', () => {
    expect(dimensions(cells)).toEqual(['tier', 'label:team']);
  });

  test('of tiers are compared by what their completed tasks cost', () => {
    expect(tierRatio(cells)).toEqual({ dearest: 'frontier', cheapest: 'light', ratio: 6 });
    expect(tierRatio({ 'tier:light': { cost_nanousd: 5, tasks_completed: 1 } })).toBeUndefined();
  });
});

test('names with delimiters are groups of their own, under their own names', () => {
  const spent = { cost_nanousd: 1 };
  const cells = {
    fleet: { cost_nanousd: 6 }, 'type:build%7Cmodel%3Agpt-5': spent, 'type:build|model:gpt-5': spent,
    'type:a%3Db': spent, 'type:%5Fother': spent, 'type:_other': spent, 'label:a%3Db=c': spent,
  };
  expect(groups(cells, 'type').map((g) => g.name)).toEqual(['"_other"', 'a=b', 'build|model:gpt-5', '_other']);
  expect(groups(cells, 'type|model').map((g) => g.name)).toEqual(['build · gpt-5']);
  expect(dimensions(cells).map(dimensionTitle)).toEqual(['task type × model', 'task type', 'a=b']);
});

test('the number of values in the rest is the most of any document', () => {
  const days = [{ agent: 5 }, { agent: 9, type: 1 }, {}].map((folded, i) => readRollup('', { period: `2026-02-1${i}`, folded }));
  expect([folded(days, 'agent'), folded(days, 'type'), folded([], 'type')]).toEqual([9, 1, 0]);
});

test('a line has no point where nothing was completed', () => {
  const days = [rollup('2026-02-16', { 'tier:light': { cost_nanousd: 20, tasks_completed: 10 } }), rollup('2026-02-17', { 'tier:light': { cost_nanousd: 9 } })];
  const lines = perTaskLines(timeframeOf(rangeOf('7d'), days, Date.UTC(2026, 1, 17, 12)), 'tier', 5);
  expect(lines).toEqual([{ name: 'light', points: [{ x: Date.UTC(2026, 1, 16, 12), y: 2 }] }]);
});

test('cache savings are told only where the cost is of prices of a known ratio', () => {
  const row = { tokens_in: 100, cache_read_tokens: 1000, cache_write_tokens: 100, tokens_out: 20, cost_nanousd: 425 };
  const rows = savings({ 'model:claude-x': row, 'model:gpt-5': row, 'model:claude-y': { ...row, unpriced_calls: 1 }, 'model:idle': {} });
  expect(rows.map((s) => [s.model, s.savedNanousd])).toEqual([['claude-x', 875], ['claude-y', undefined], ['gpt-5', undefined]]);
  expect(savings({ 'model:claude-x': { ...row, cost_reported_nanousd: 1 } })[0]?.savedNanousd).toBeUndefined();
});

describe('a month', () => {
  const now = Date.UTC(2026, 1, 11, 12);
  const days = Array.from({ length: 10 }, (_, i) => rollup(new Date(Date.UTC(2026, 1, 1 + i)).toISOString().slice(0, 10), { fleet: { cost_nanousd: 100 } }));

  test('is projected at the pace of the last week', () => {
    const spend = month([...days, rollup('2026-02-11', { fleet: { cost_nanousd: 50 } })], 2, now);
    expect(spend).toMatchObject({ spentNanousd: 1050, budgetNanousd: 2 * 24 * 28 });
    expect(spend?.projection?.days).toBe(7);
    expect(spend?.projection?.perDayNanousd).toBeCloseTo(100);
    expect(spend?.projection?.nanousd).toBeCloseTo(2800);
    expect(spend?.actual.at(-1)).toEqual({ x: now, y: 1050 });
  });

  test('is not projected from a few hours, and from two days says so', () => {
    const spent = { fleet: { cost_nanousd: 50 } };
    expect(month([rollup('2026-02-11', spent)], 2, now)).toMatchObject({ spentNanousd: 50, projection: undefined });
    expect(month([rollup('2026-02-10', spent), rollup('2026-02-11', spent)], 2, now)?.projection?.days).toBe(2);
  });

  test('holds each whole day against what the week before it foretold', () => {
    const spend = month(days, undefined, now);
    expect(spend?.forecasts.map((f) => [new Date(f.at).getUTCDate(), Math.round(f.predictedNanousd), f.nanousd])).toEqual(Array.from({ length: 9 }, (_, i) => [2 + i, 100, 100]));
    expect(spend?.budgetNanousd).toBeUndefined();
  });

  test('that is over is not projected, and without a day there is none', () => {
    expect(month(days, undefined, now + 60 * DAY)).toMatchObject({ spentNanousd: 1000, projection: undefined });
    expect(month([], undefined, now)).toBeUndefined();
  });
});
