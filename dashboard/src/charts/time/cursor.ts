/** The point of a chart that the arrow keys read out. */

/** Move a cursor over `n` points by a key; undefined for a key that moves nothing. Without a cursor it starts behind the last. */
export function moved(key: string, cursor: number | undefined, n: number): number | undefined {
  const i = cursor ?? n;
  const to = { ArrowLeft: i - 1, ArrowRight: i + 1, Home: 0, End: n - 1 }[key];
  return to === undefined || n === 0 ? undefined : Math.min(n - 1, Math.max(0, to));
}
