/** Numbers that derive from counters, as tachograph_schema.derived has them: pure. What would divide by nothing is undefined. */

import type { Rollup } from '../documents/rollup';
import type { Counters } from '../documents/values';

export interface Ratios {
  /** All spend, failures included, over completions. */
  perCompletedNanousd: number | undefined;
  /** All spend over that of first attempts at tasks nobody spawned. */
  trueToNaive: number | undefined;
  successRate: number | undefined;
  /** Prompt tokens that were read from the cache. */
  cacheHit: number | undefined;
  /** Calls that no price is known for. */
  unpricedShare: number | undefined;
  completedUnpricedShare: number | undefined;
  /** Retries, rotations and handoffs, of the spend. */
  overheadShare: number | undefined;
}

export const OVERHEADS = ['retry', 'rotation', 'handoff'] as const;
const COUNTED = { retry: 'retries', rotation: 'rotations', handoff: 'handoffs' } as const;

export function ratios(row: Counters): Ratios {
  const n = (name: string) => row[name] ?? 0;
  const whole = row['task_cost_nanousd'] ?? n('cost_nanousd');
  // Agents that tell no number of calls have one unpriced call, of none.
  const calls = Math.max(n('unpriced_calls'), n('llm_calls'));
  return {
    perCompletedNanousd: part(whole, n('tasks_completed')),
    trueToNaive: part(whole, n('naive_cost_nanousd')),
    successRate: part(n('tasks_completed'), n('tasks_completed') + n('tasks_failed')),
    cacheHit: part(n('cache_read_tokens'), n('cache_read_tokens') + n('cache_write_tokens') + n('tokens_in')),
    unpricedShare: part(n('unpriced_calls'), calls),
    completedUnpricedShare: part(n('tasks_completed_unpriced'), n('tasks_completed')),
    overheadShare: part(overheads(row).reduce((sum, o) => sum + o.nanousd, 0), n('cost_nanousd')),
  };
}

export interface Overhead {
  kind: (typeof OVERHEADS)[number];
  n: number;
  nanousd: number;
  /** Of all spend. */
  share: number;
}

/** The parts of the spend that a smooth run would not have had. */
export function overheads(row: Counters): Overhead[] {
  return OVERHEADS.map((kind) => {
    const nanousd = row[`${kind}_cost_nanousd`] ?? 0;
    return { kind, n: row[COUNTED[kind]] ?? 0, nanousd, share: part(nanousd, row['cost_nanousd'] ?? 0) ?? 0 };
  });
}

export interface Outcome {
  kind: 'first' | 'retry' | 'rotation';
  n: number;
  rate: number;
  low: number;
  high: number;
}

/** How attempts of each kind ended, with the 95 % interval; none of those that there were none of. */
export function outcomes(row: Counters): Outcome[] {
  return (['first', 'retry', 'rotation'] as const).flatMap((kind) => {
    // Below zero, while an end that was taken back is counted and the end itself is on its way.
    const won = Math.max(0, row[`${kind}_completed`] ?? 0);
    const n = won + Math.max(0, row[`${kind}_failed`] ?? 0);
    return n > 0 ? [{ kind, n, rate: won / n, ...wilson(won, n) }] : [];
  });
}

/** How many of the largest amounts make `share` of their sum, of how many; undefined when there is nothing to be shared. */
export function concentration(amounts: readonly number[], share = 0.8): { n: number; of: number } | undefined {
  const largest = amounts.filter((n) => n > 0).sort((a, b) => b - a);
  const wanted = share * largest.reduce((sum, n) => sum + n, 0);
  let made = 0;
  for (const [i, amount] of largest.entries()) {
    made += amount;
    if (made >= wanted) return { n: i + 1, of: largest.length };
  }
  return undefined;
}

/** Which row's completed tasks cost most, which least, and how many times as much; of two at least. */
export function dearestToCheapest(rows: Readonly<Record<string, Counters>>): { dearest: string; cheapest: string; ratio: number } | undefined {
  const known = Object.entries(rows)
    .map(([name, row]) => ({ name, cost: ratios(row).perCompletedNanousd ?? 0 }))
    .filter(({ cost }) => cost > 0)
    .sort((a, b) => a.cost - b.cost || (a.name < b.name ? -1 : 1));
  const [least, most] = [known[0], known.at(-1)];
  return least && most && known.length > 1 ? { dearest: most.name, cheapest: least.name, ratio: most.cost / least.cost } : undefined;
}

/** What a scope tells apart, as tachograph_schema.bounds.dimension: `agent`, `type|model`, `label:team`, or `fleet`. */
export function dimensionOf(scope: string): string {
  const [, kind = scope, value = ''] = /^([^:]*):(.*)$/s.exec(scope) ?? [];
  if (kind === 'type' && value.includes('|model:')) return 'type|model';
  return kind === 'label' ? `label:${value.split('=', 1)[0]}` : kind;
}

/** The name of what a scope is about: `fix · claude-sonnet-4-5` of `type:fix|model:claude-sonnet-4-5`. */
export function valueOf(scope: string): string {
  const value = scope.slice(scope.indexOf(':') + 1);
  const dimension = dimensionOf(scope);
  if (dimension === 'type|model') return value.replace('|model:', ' · ');
  return dimension.startsWith('label:') ? value.slice(value.indexOf('=') + 1) : value;
}

/** The counters of every scope, added up. */
export function summed(rollups: readonly Rollup[]): Record<string, Counters> {
  const sum: Record<string, Record<string, number>> = {};
  for (const { c } of rollups) {
    for (const [scope, row] of Object.entries(c)) {
      const into = (sum[scope] ??= {});
      for (const [name, n] of Object.entries(row)) into[name] = (into[name] ?? 0) + n;
    }
  }
  return sum;
}

/** The counters of one scope over some rollups. */
export function sumOf(rollups: readonly Rollup[], scope: string): Counters {
  const sum: Record<string, number> = {};
  for (const r of rollups) for (const [name, n] of Object.entries(r.c[scope] ?? {})) sum[name] = (sum[name] ?? 0) + n;
  return sum;
}

/** As tachograph_schema.derived.interval. */
export function wilson(successes: number, n: number): { low: number; high: number } {
  const [p, z2] = [successes / n, 1.959963984540054 ** 2];
  const middle = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = (Math.sqrt(z2) / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  return { low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

function part(n: number, whole: number): number | undefined {
  return whole > 0 ? n / whole : undefined;
}
