import { canonical } from '../format/scopes';
import { counters, map, numbers, text, type Counters, type Fields } from './values';

/** `rollups/{grain}_{period}`: counters by scope. */
export interface Rollup {
  period: string;
  c: Readonly<Record<string, Counters>>;
  /** The cost of each hour of a day; empty for other periods. */
  hourlyNanousd: readonly number[];
  /** By dimension, how many of its values are in the rest, so that the document has room. */
  folded: Counters;
}

export function readRollup(_id: string, d: Fields): Rollup {
  return {
    period: text(d['period']) ?? '',
    c: byCanonicalScope(map(d['c'])),
    hourlyNanousd: numbers(d['cost_nanousd_by_hour']),
    folded: counters(d['folded']),
  };
}

/** Counters by the scopes of today; two spellings of one scope, one of them from before names were escaped, are added up. */
function byCanonicalScope(c: Fields): Record<string, Counters> {
  const sum: Record<string, Record<string, number>> = {};
  for (const [scope, cells] of Object.entries(c)) {
    const row = (sum[canonical(scope)] ??= {});
    for (const [name, n] of Object.entries(counters(cells))) row[name] = (row[name] ?? 0) + n;
  }
  return sum;
}
