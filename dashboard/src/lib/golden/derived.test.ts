import { describe, expect, test } from 'vitest';
import golden from '../../../../tests/golden/derived.json';
import { readTask } from '../documents/task';
import type { Counters } from '../documents/values';
import {
  certainty, concentration, costByPart, costParts, dearestToCheapest, fleetRatios, outcomes, overheads, ratios, rootTasksCompleted, wilson,
} from '../derive/derived';

/** JSON has null where a number derives from nothing; the page has undefined. */
const near = (n: number | null | undefined) => (n === undefined || n === null ? undefined : expect.closeTo(n, 9) as number);

/** tests/golden/write_derived.py writes the file from tachograph_schema.counters.derived. */
describe('the page derives numbers as the command line and the rollups do', () => {
  test.each(golden.rows)('ratios, overheads and outcomes of $name', ({ row, ratios: expected, overheads: spent, outcomes: ends }) => {
    const counters = row as Counters;
    const ratio = expected as Record<string, number>;
    const { perCompletedNanousd, ...shares } = ratios(counters);
    expect(perCompletedNanousd === undefined ? undefined : perCompletedNanousd / 1e9).toEqual(near(ratio['cost_per_completed_usd']));
    expect(shares).toEqual({
      trueToNaive: near(ratio['true_to_naive']),
      successRate: near(ratio['success_rate']),
      cacheHit: near(ratio['cache_hit_ratio']),
      unpricedShare: near(ratio['unpriced_share']),
      completedUnpricedShare: near(ratio['completed_unpriced_share']),
      overheadShare: near(ratio['overhead_share']),
    });
    expect(overheads(counters).map(({ kind, n, nanousd, share }) => [kind, { n, cost_usd: nanousd / 1e9, share }])).toEqual(
      Object.entries(spent).map(([kind, o]) => [kind, { n: o.n, cost_usd: near(o.cost_usd), share: near(o.share) }]),
    );
    expect(outcomes(counters).map(({ kind, n, rate, low, high }) => [kind, { n, success_rate: rate, low, high }])).toEqual(
      Object.entries(ends as Record<string, { n: number; success_rate: number; low: number; high: number }>).map(([kind, o]) => [
        kind, { n: o.n, success_rate: near(o.success_rate), low: near(o.low), high: near(o.high) },
      ]),
    );
  });

  test.each(golden.rows)('what was asked for, and the parts of the cost, of $name', ({ row, fleet_ratios: expected, root_tasks_completed: asked, cost_by_part: parts, certainty: kinds }) => {
    const counters = row as Counters;
    const perCompleted = fleetRatios(counters).perCompletedNanousd;
    expect(perCompleted === undefined ? undefined : perCompleted / 1e9).toEqual(near((expected as Record<string, number>)['cost_per_completed_usd']));
    expect(rootTasksCompleted(counters) ?? null).toEqual(asked);
    expect(costByPart(counters) ?? null).toEqual(parts);
    expect(certainty(counters).map(({ kind, nanousd, share }) => [kind, { cost_usd: nanousd / 1e9, share }])).toEqual(
      Object.entries(kinds).map(([kind, c]) => [kind, { cost_usd: near(c.cost_usd), share: near(c.share) }]),
    );
  });

  test.each(golden.tasks)('parts of the cost of $task', ({ task, cost_parts: expected }) => {
    expect(costParts(readTask('t', task))).toMatchObject(expected);
  });

  test.each(golden.intervals)('interval of $successes of $n', ({ successes, n, interval: [low, high] }) => {
    expect(wilson(successes, n)).toEqual({ low: near(low), high: near(high) });
  });

  test.each(golden.concentrations)('concentration of $amounts in $part', ({ amounts, part, concentration: expected }) => {
    const [n, of] = expected ?? [];
    expect(concentration(amounts, part)).toEqual(expected === null ? undefined : { n, of });
  });

  test.each(golden.dearest_to_cheapest)('dearest to cheapest of $rows', ({ rows, dearest_to_cheapest: expected }) => {
    const [dearest, cheapest, ratio] = (expected ?? []) as [string, string, number];
    expect(dearestToCheapest(rows as unknown as Record<string, Counters>)).toEqual(expected === null ? undefined : { dearest, cheapest, ratio: near(ratio) });
  });
});
