import { amount, isMap, map, numbers, percentage, text, type Fields } from './values';

/** The level of context left below which tasks end badly more often. */
export interface Cliff {
  status: 'learned' | 'none' | 'too_few';
  atPct: number | undefined;
  lowPct: number | undefined;
  highPct: number | undefined;
  runsBelow: number | undefined;
  runsAbove: number | undefined;
  needsBelow: number;
  needsAbove: number;
  /** Ended tasks by their lowest context left, 0-10 %, 10-20 %, ..., and how many of them ended badly. */
  runs: readonly number[];
  bad: readonly number[];
}

/** `baselines/{type}__{model}`: the normal behaviour of a type of task on a model. */
export interface Baseline {
  id: string;
  type: string;
  model: string;
  runs: number | undefined;
  rotateBelowPct: number | undefined;
  cliff: Cliff | undefined;
}

const STATUSES = ['learned', 'none', 'too_few'] as const;

export function readBaseline(id: string, d: Fields): Baseline {
  return {
    id,
    type: text(d['task_type']) ?? '',
    model: text(d['model']) ?? '',
    runs: amount(d['runs']),
    rotateBelowPct: percentage(d['rotate_below_pct']),
    cliff: isMap(d['cliff']) ? readCliff(map(d['cliff'])) : undefined,
  };
}

function readCliff(d: Fields): Cliff | undefined {
  const status = STATUSES.find((name) => name === d['status']);
  const [runs, bad] = [numbers(d['runs']), numbers(d['bad'])];
  if (status === undefined || runs.length !== 10 || bad.length !== 10 || ![...runs, ...bad].every((n) => n >= 0)) return undefined;
  return {
    status,
    atPct: percentage(d['at_pct']),
    lowPct: percentage(d['low_pct']),
    highPct: percentage(d['high_pct']),
    runsBelow: amount(d['runs_below']),
    runsAbove: amount(d['runs_above']),
    needsBelow: amount(d['needs_below']) ?? 0,
    needsAbove: amount(d['needs_above']) ?? 0,
    runs,
    bad,
  };
}
