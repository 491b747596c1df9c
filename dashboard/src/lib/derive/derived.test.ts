import { describe, expect, test } from 'vitest';
import { concentration, outcomes, overheads, ratios } from './derived';

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
    expect(overheads({ cost_nanousd: 8, retries: 2, retry_cost_nanousd: 2 }).map((o) => [o.kind, o.n, o.share])).toEqual([['retry', 2, 0.25], ['rotation', 0, 0], ['handoff', 0, 0], ['coordination', 0, 0]]);
  });

  test('counts the fewest amounts that make 80 %', () => {
    expect(concentration([50, 30, 15, 5, 0])).toEqual({ n: 2, of: 4 });
    expect(concentration([7])).toEqual({ n: 1, of: 1 });
    expect(concentration([0, -1])).toBeUndefined();
  });
});
