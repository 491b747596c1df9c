/** The rows of a trace that are shown: which spans are folded, where the next error is, and the lanes of the overview. */

import type { Trace } from './trace';

/** The spans that are shown when some are folded. */
export function unfolded(trace: Trace, folded: ReadonlySet<number>): Int32Array {
  const rows = new Int32Array(trace.n);
  let n = 0;
  for (let i = 0; i < trace.n; i = folded.has(i) ? (trace.subtreeEnd[i] as number) : i + 1) rows[n++] = i;
  return rows.subarray(0, n);
}

/** Spans from a depth on that have spans below them: a large trace opens with these folded, as its branches. */
export function foldedFrom(trace: Trace, depth: number): Set<number> {
  const spans = [...trace.depth.keys()];
  return new Set(spans.filter((i) => (trace.depth[i] as number) >= depth && (trace.subtreeEnd[i] as number) > i + 1));
}

/** The depth from which a trace is folded so that at most `rows` rows are left; 1 at least. */
export function openingDepth(trace: Trace, rows: number): number {
  const byDepth: number[] = [];
  for (const depth of trace.depth) byDepth[depth] = (byDepth[depth] ?? 0) + 1;
  let shown = byDepth[0] ?? 0;
  for (let depth = 1; depth < byDepth.length; depth++) {
    shown += byDepth[depth] ?? 0;
    if (shown > rows) return Math.max(1, depth - 1);
  }
  return byDepth.length;
}

/** The next span after one that itself ended in an error, from the top again after the last span; undefined without errors. */
export function nextError(trace: Trace, after: number): number | undefined {
  for (let step = 1; step <= trace.n; step++) {
    const i = (after + step) % trace.n;
    if (trace.error[i]) return i;
  }
  return undefined;
}

/** The spans above one, the nearest first. */
export function ancestors(trace: Trace, span: number): number[] {
  const spans: number[] = [];
  for (let i = trace.parent[span] as number; i >= 0; i = trace.parent[i] as number) spans.push(i);
  return spans;
}

/** The lanes of the overview: one for each agent in the order they began; one for each depth where there is only one agent. */
export function lanes(trace: Trace, most: number): { of: Int32Array; names: string[] } {
  const agents = [...new Set(trace.agents.filter(Boolean))];
  if (agents.length < 2) {
    const depths = 1 + trace.depth.reduce((a, b) => Math.max(a, b), 0);
    const names = Array.from({ length: Math.min(most, depths) }, (_, i) => `depth ${i}`);
    return { of: trace.depth.map((depth) => Math.min(depth, most - 1)), names };
  }
  const places = new Map(agents.map((name, i) => [name, Math.min(i, most - 1)]));
  return { of: Int32Array.from({ length: trace.n }, (_, i) => laneOf(trace, i, places)), names: agents.slice(0, most) };
}

/** The lane of a span's agent; a span without an agent stands in its parent's lane. */
function laneOf(trace: Trace, span: number, places: ReadonlyMap<string, number>): number {
  for (const i of [span, ...ancestors(trace, span)]) {
    const lane = places.get(trace.agents[i] as string);
    if (lane !== undefined) return lane;
  }
  return 0;
}
