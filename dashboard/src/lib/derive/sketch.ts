/**
 * Read percentiles from counters, as tachograph_schema.sketch writes them (DDSketch's mapping, https://arxiv.org/abs/1908.10693).
 *
 * tests/golden/sketch.json holds both languages to the same numbers.
 */

const RELATIVE_ERROR = 0.02;
const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR);
const SEPARATOR = '~';

/** The value of a bucket, within RELATIVE_ERROR of all values that it counts. */
export function bucketValue(index: number): number {
  return index <= 0 ? 0 : (2 * GAMMA ** (index - 1)) / (GAMMA + 1);
}

/** Collect the buckets of one sketch from a scope's counters; a bucket that is negative for a moment counts as empty. */
export function buckets(counters: Readonly<Record<string, number>>, name: string): Map<number, number> {
  const prefix = name + SEPARATOR;
  return new Map(
    Object.entries(counters)
      .filter(([key, n]) => key.startsWith(prefix) && n > 0)
      .map(([key, n]): [number, number] => [Number(key.slice(prefix.length)), n])
      .sort(([a], [b]) => a - b),
  );
}

/** The rank of the q-quantile (0 to 1) among n ordered values, from 1. A hair is taken off, because 0.07 * 100 is above 7 here. */
export function nearestRank(q: number, n: number): number {
  return Math.max(1, Math.ceil(q * n - 1e-9));
}

/** The q-quantile (0 to 1) of a histogram by bucket index, by nearest rank; undefined when it is empty. */
export function quantile(histogram: ReadonlyMap<number, number>, q: number): number | undefined {
  const total = [...histogram.values()].reduce((sum, n) => sum + n, 0);
  const rank = nearestRank(q, total);
  let seen = 0;
  for (const [index, n] of [...histogram].sort(([a], [b]) => a - b)) {
    seen += n;
    if (seen >= rank) return bucketValue(index);
  }
  return undefined;
}
