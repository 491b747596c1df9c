import { counters, map, numbers, text, type Counters, type Fields } from './values';

/** `rollups/{grain}_{period}`: counters by scope. */
export interface Rollup {
  period: string;
  c: Readonly<Record<string, Counters>>;
  /** The cost of each hour of a day; empty for other periods. */
  hourlyNanousd: readonly number[];
}

export function readRollup(_id: string, d: Fields): Rollup {
  const scopes = Object.entries(map(d['c'])).map(([scope, cells]) => [scope, counters(cells)]);
  return { period: text(d['period']) ?? '', c: Object.fromEntries(scopes), hourlyNanousd: numbers(d['cost_nanousd_by_hour']) };
}
