/** Numbers that derive from counters, by the rules of tachograph_schema.derived. A ratio to nothing is undefined. */

import type { Rollup } from '../documents/rollup';
import type { Task } from '../documents/task';
import type { Counters } from '../documents/values';

export interface Ratios {
  /** All spend on the tasks of a scope, failures included, over those of them that were completed; of a fleet see fleetRatios. */
  perCompletedNanousd: number | undefined;
  /** All spend over that of first attempts, at root tasks and at subtasks. */
  trueToNaive: number | undefined;
  successRate: number | undefined;
  /** The share of prompt tokens that were read from the cache. */
  cacheHit: number | undefined;
  /** The share of calls without a known price. */
  unpricedShare: number | undefined;
  completedUnpricedShare: number | undefined;
  /** The share of spend on retries, rotations, handoffs and coordination. */
  overheadShare: number | undefined;
}

/** The overheads that a task states, and the counters of how many there were. */
export const OVERHEADS = [
  { kind: 'retry', counter: 'retries' },
  { kind: 'rotation', counter: 'rotations' },
  { kind: 'handoff', counter: 'handoffs' },
] as const;
export type OverheadKind = (typeof OVERHEADS)[number]['kind'] | 'coordination';

/** The parts of a cost; each has a counter, PART_cost_nanousd, and together they are the cost. */
export const COST_PARTS = ['root_first', 'subtasks_first', 'retry', 'rotation', 'handoff', 'coordination'] as const;
export type CostParts = Record<(typeof COST_PARTS)[number], number>;

export function ratios(row: Counters): Ratios {
  const n = (name: string) => row[name] ?? 0;
  const whole = wholeOf(row);
  const parts = costByPart(row);
  // Agents that do not count their calls have one unpriced call, of none.
  const calls = Math.max(n('unpriced_calls'), n('llm_calls'));
  return {
    perCompletedNanousd: isCostKnown(row) ? quotient(whole, n('tasks_completed')) : undefined,
    trueToNaive: quotient(whole, parts ? parts.root_first + parts.subtasks_first : 0),
    successRate: quotient(n('tasks_completed'), n('tasks_completed') + n('tasks_failed')),
    cacheHit: quotient(n('cache_read_tokens'), n('cache_read_tokens') + n('cache_write_tokens') + n('tokens_in')),
    unpricedShare: quotient(n('unpriced_calls'), calls),
    completedUnpricedShare: quotient(n('tasks_completed_unpriced'), n('tasks_completed')),
    overheadShare: quotient(overheads(row).reduce((sum, o) => sum + o.nanousd, 0), whole),
  };
}

/** The numbers of a fleet or a tree: a completed task is one that was asked for, a root task. */
export function fleetRatios(row: Counters): Ratios {
  return { ...ratios(row), perCompletedNanousd: isCostKnown(row) ? quotient(wholeOf(row), rootTasksCompleted(row) ?? 0) : undefined };
}

/** Whether any of the cost is known; where no call has a price, zero is no cost. */
export function isCostKnown(row: Counters): boolean {
  const unpriced = (row['unpriced_calls'] ?? 0) || (row['unpriced_tokens'] ?? 0);
  return Boolean((row['cost_nanousd'] ?? 0) || wholeOf(row) || !unpriced);
}

/** The completed root tasks of a fleet or a tree; undefined where an older version counted some, and did not tell them apart. */
export function rootTasksCompleted(row: Counters): number | undefined {
  const [asked, spawned, coordination] = ['root_tasks_completed', 'subtasks_completed', 'coordination_completed'].map((name) => row[name] ?? 0);
  const [n, others] = [asked ?? 0, (spawned ?? 0) + (coordination ?? 0)];
  return n + others === (row['tasks_completed'] ?? 0) ? Math.max(0, n) : undefined;
}

/** A cost by its parts, which add up to it within 0.1 %; undefined where an older version counted some of it. */
export function costByPart(row: Counters): CostParts | undefined {
  const parts = partsOf((part) => row[`${part}_cost_nanousd`] ?? 0);
  const missing = Math.abs(COST_PARTS.reduce((sum, part) => sum + parts[part], 0) - wholeOf(row));
  return missing * 1000 <= Math.abs(wholeOf(row)) ? parts : undefined;
}

/** The parts of a task's own cost: its overheads as far as there is cost left for them, and its first attempt, which took the rest. */
export function costParts(task: Task): CostParts {
  const parts = partsOf(() => 0);
  let rest = task.voided ? 0 : (task.costNanousd ?? 0);
  for (const { kind } of OVERHEADS) {
    parts[kind] = Math.min(task[`${kind}Nanousd`], rest);
    rest -= parts[kind];
  }
  parts[firstPart(task)] = rest;
  return parts;
}

/** The part that a task's first attempt is: nobody asked for coordination, and a task of depth 0 names itself as its root. */
export function firstPart(task: Task): 'root_first' | 'subtasks_first' | 'coordination' {
  if (task.type === 'coordination') return 'coordination';
  return task.parent || (task.root && task.depth !== 0) ? 'subtasks_first' : 'root_first';
}

function partsOf(nanousd: (part: keyof CostParts) => number): CostParts {
  return Object.fromEntries(COST_PARTS.map((part) => [part, nanousd(part)])) as CostParts;
}

export interface Overhead {
  kind: OverheadKind;
  n: number;
  nanousd: number;
  /** The share of all spend. */
  share: number;
}

/** The spend on retries, rotations, handoffs and coordination. */
export function overheads(row: Counters): Overhead[] {
  return [...OVERHEADS, { kind: 'coordination', counter: 'coordination_tasks' } as const].map(({ kind, counter }) => {
    const nanousd = row[`${kind}_cost_nanousd`] ?? 0;
    return { kind, n: row[counter] ?? 0, nanousd, share: quotient(nanousd, wholeOf(row)) ?? 0 };
  });
}

/** How certain a cost is, from most to least; `untold` was priced by an older version, which did not say how. */
export const CERTAINTIES = ['reported', 'listed', 'assumed', 'estimated', 'untold'] as const;

export interface Certainty {
  kind: (typeof CERTAINTIES)[number];
  nanousd: number;
  share: number;
}

/** How certain the cost of a scope is. */
export function certainty(row: Counters): Certainty[] {
  const cost = row['cost_nanousd'] ?? 0;
  const counted = CERTAINTIES.slice(0, -1).map((kind) => row[`cost_${kind}_nanousd`] ?? 0);
  const rest = cost - counted.reduce((sum, n) => sum + n, 0);
  const amounts = [...counted, rest * 1000 > cost ? rest : 0];
  return CERTAINTIES.map((kind, i) => ({ kind, nanousd: amounts[i] ?? 0, share: quotient(amounts[i] ?? 0, cost) ?? 0 }));
}

export interface Outcome {
  kind: 'first' | 'retry' | 'rotation';
  n: number;
  rate: number;
  low: number;
  high: number;
}

/** The success rate of each kind of attempt, with its 95 % interval; kinds without an ended attempt are left out. */
export function outcomes(row: Counters): Outcome[] {
  return (['first', 'retry', 'rotation'] as const).flatMap((kind) => {
    // A counter is below zero while a withdrawn end is counted before the end itself.
    const completed = Math.max(0, row[`${kind}_completed`] ?? 0);
    const n = completed + Math.max(0, row[`${kind}_failed`] ?? 0);
    return n > 0 ? [{ kind, n, rate: completed / n, ...wilson(completed, n) }] : [];
  });
}

/** The number of largest amounts that make `share` of the sum, and of all amounts; undefined when the sum is zero. */
export function concentration(amounts: readonly number[], share = 0.8): { n: number; of: number } | undefined {
  const largest = amounts.filter((n) => n > 0).sort((a, b) => b - a);
  const target = share * largest.reduce((total, n) => total + n, 0);
  let sum = 0;
  for (const [i, amount] of largest.entries()) {
    sum += amount;
    if (sum >= target) return { n: i + 1, of: largest.length };
  }
  return undefined;
}

/** The rows with the highest and the lowest cost per completed task, and their ratio; undefined for fewer than two rows. */
export function dearestToCheapest(
  rows: Readonly<Record<string, Counters>>,
): { dearest: string; cheapest: string; ratio: number } | undefined {
  const costs = Object.entries(rows)
    .map(([name, row]) => ({ name, cost: ratios(row).perCompletedNanousd ?? 0 }))
    .filter(({ cost }) => cost > 0)
    .sort((a, b) => a.cost - b.cost || (a.name < b.name ? -1 : 1));
  const [least, most] = [costs[0], costs.at(-1)];
  return least && most && costs.length > 1 ? { dearest: most.name, cheapest: least.name, ratio: most.cost / least.cost } : undefined;
}

/** The counters of every scope, added up over rollups. */
export function countersByScope(rollups: readonly Rollup[]): Record<string, Counters> {
  const sum: Record<string, Record<string, number>> = {};
  for (const { c } of rollups) {
    for (const [scope, row] of Object.entries(c)) {
      const into = (sum[scope] ??= {});
      for (const [name, n] of Object.entries(row)) into[name] = (into[name] ?? 0) + n;
    }
  }
  return sum;
}

/** The counters of one scope, added up over rollups. */
export function countersOf(rollups: readonly Rollup[], scope: string): Counters {
  const sum: Record<string, number> = {};
  for (const r of rollups) for (const [name, n] of Object.entries(r.c[scope] ?? {})) sum[name] = (sum[name] ?? 0) + n;
  return sum;
}

/** Wilson's 95 % interval of a share: tachograph_schema.derived.interval. */
export function wilson(successes: number, n: number): { low: number; high: number } {
  const [p, z2] = [successes / n, 1.959963984540054 ** 2];
  const middle = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = (Math.sqrt(z2) / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  return { low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/** The cost of a scope's tasks, whichever models served them. */
function wholeOf(row: Counters): number {
  return row['task_cost_nanousd'] ?? row['cost_nanousd'] ?? 0;
}

function quotient(n: number, whole: number): number | undefined {
  return whole > 0 ? n / whole : undefined;
}
