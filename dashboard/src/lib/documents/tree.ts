import { counters, instant, type Counters, type Fields } from './values';

/** `trees/{root}`: the sums of a task and of everything it spawned. */
export interface Tree {
  total: Counters;
  asOf: number | undefined;
}

export function readTree(_id: string, d: Fields): Tree {
  return { total: counters(d['total']), asOf: instant(d['as_of']) };
}
