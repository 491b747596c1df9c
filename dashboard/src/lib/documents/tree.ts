import { amount, counters, instant, map, type Counters, type Fields } from './values';

/** `trees/{root}`: the sums of a task and of everything it spawned. */
export interface Tree {
  total: Counters;
  trueToNaive: number | undefined;
  asOf: number | undefined;
}

export function readTree(_id: string, d: Fields): Tree {
  return { total: counters(d['total']), trueToNaive: amount(map(d['ratios'])['true_to_naive']), asOf: instant(d['as_of']) };
}
