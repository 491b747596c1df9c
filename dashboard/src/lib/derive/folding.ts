/** What of a trace is to be seen: what is folded up, the next error, the lanes of the overview. Pure. */

import type { Trace } from './trace';

/** The spans that are to be seen when some are folded up. */
export function unfolded(trace: Trace, folded: ReadonlySet<number>): Int32Array {
  const rows = new Int32Array(trace.n);
  let n = 0;
  for (let i = 0; i < trace.n; i = folded.has(i) ? (trace.last[i] as number) : i + 1) rows[n++] = i;
  return rows.subarray(0, n);
}

/** Spans with something below them, from a depth on: what is folded up at first, so that a large trace opens as its branches. */
export function foldedFrom(trace: Trace, depth: number): Set<number> {
  const found = new Set<number>();
  for (let i = 0; i < trace.n; i++) if ((trace.depth[i] as number) >= depth && (trace.last[i] as number) > i + 1) found.add(i);
  return found;
}

/** The depth from which a trace is folded so that no more than so many rows are left; at least its top. */
export function openingDepth(trace: Trace, rows: number): number {
  const at: number[] = [];
  for (const depth of trace.depth) at[depth] = (at[depth] ?? 0) + 1;
  let shown = at[0] ?? 0;
  for (let depth = 1; depth < at.length; depth++) {
    shown += at[depth] ?? 0;
    if (shown > rows) return Math.max(1, depth - 1);
  }
  return at.length;
}

/** The next span after one that itself ended in an error, from the top again behind the last; undefined if there is none. */
export function nextError(trace: Trace, after: number): number | undefined {
  for (let step = 1; step <= trace.n; step++) {
    const i = (after + step) % trace.n;
    if (trace.error[i]) return i;
  }
  return undefined;
}

/** What must be unfolded for a span to be seen. */
export function above(trace: Trace, span: number): number[] {
  const found: number[] = [];
  for (let i = trace.parent[span] as number; i >= 0; i = trace.parent[i] as number) found.push(i);
  return found;
}

/** The lanes of the overview: one for each agent in the order they began, or where there is but one, for each depth. */
export function lanes(trace: Trace, most: number): { of: Int32Array; names: string[] } {
  const agents = [...new Set(trace.agents.filter(Boolean))];
  const byAgent = agents.length > 1;
  const names = byAgent ? agents.slice(0, most) : Array.from({ length: Math.min(most, 1 + trace.depth.reduce((a, b) => Math.max(a, b), 0)) }, (_, i) => `depth ${i}`);
  const places = new Map(agents.map((name, i) => [name, Math.min(i, most - 1)]));
  const of = Int32Array.from({ length: trace.n }, (_, i) => (byAgent ? laneOf(trace, i, places) : Math.min(trace.depth[i] as number, most - 1)));
  return { of, names };
}

/** A span that names no agent is its parent's. */
function laneOf(trace: Trace, span: number, places: ReadonlyMap<string, number>): number {
  for (let i = span; i >= 0; i = trace.parent[i] as number) {
    const found = places.get(trace.agents[i] as string);
    if (found !== undefined) return found;
  }
  return 0;
}
