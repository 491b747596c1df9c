/**
 * A trace: its batches put together into one tree of spans.
 *
 * Spans are kept in columns and in pre-order: the spans below one follow it directly, so that one addition skips them.
 */

import type { Batch } from '../documents/batch';

/** Sums over a span and all spans below it. */
export interface Sums {
  spans: Int32Array;
  errors: Int32Array;
  tokens: Float64Array;
  nanousd: Float64Array;
}

export interface Trace {
  n: number;
  beganMs: number;
  /** From the first span's start to the last one's end. */
  spanUs: number;
  ids: readonly string[];
  names: readonly string[];
  kinds: readonly string[];
  models: readonly string[];
  tasks: readonly string[];
  agents: readonly string[];
  /** The error that a span itself ended with; empty for most. */
  error: readonly string[];
  contents: readonly string[];
  depth: Int32Array;
  parent: Int32Array;
  /** The index behind the last span below this one. */
  subtreeEnd: Int32Array;
  /** Microseconds since the trace began. */
  start: Float64Array;
  duration: Float64Array;
  tokensIn: Float64Array;
  tokensOut: Float64Array;
  sums: Sums;
  links: readonly { span: number; trace: string; id: string; kind: string }[];
  keptBecause: readonly string[];
}

/** A span of a batch, by its index there. */
interface Origin {
  batch: Batch;
  i: number;
}

/** A span in pre-order: its place among the origins, and the row of its parent. */
interface Row {
  origin: number;
  depth: number;
  parent: number;
}

/** Put batches together. A span of two batches is shown once; a span whose parent is in no batch stands at the top. */
export function assemble(batches: readonly Batch[]): Trace {
  const origins: Origin[] = [];
  const byId = new Map<string, number>();
  const places = batches.map((batch) =>
    batch.ids.map((id, i) => {
      const place = byId.get(id) ?? origins.push({ batch, i }) - 1;
      byId.set(id, place);
      return place;
    }),
  );
  const starts = origins.map(({ batch, i }) => batch.beganUs + (batch.startUs[i] as number));
  const children = origins.map((): number[] => []);
  const top: number[] = [];
  for (const [b, batch] of batches.entries()) {
    for (const [i, place] of (places[b] as number[]).entries()) {
      const origin = origins[place] as Origin;
      if (origin.batch !== batch || origin.i !== i) continue;
      const index = batch.parents[i] as number;
      const parent = index >= 0 && index !== i ? places[b]?.[index] : byId.get(batch.remoteParents.get(i) ?? '');
      (parent === undefined || parent === place ? top : (children[parent] as number[])).push(place);
    }
  }
  for (const list of [top, ...children]) list.sort((a, b) => (starts[a] as number) - (starts[b] as number));
  const rows = preorder(top, children);
  const placeOf = new Map(rows.map(({ origin }, row) => [origin, row]));
  const links = batches.flatMap((batch, b) =>
    batch.links.flatMap((link) => {
      const place = places[b]?.[link.span];
      const origin = place === undefined ? undefined : origins[place];
      // The links of a span that is in two batches are taken from the first.
      return origin?.batch === batch && place !== undefined ? [{ ...link, span: placeOf.get(place) as number }] : [];
    }),
  );
  const keptBecause = [...new Set(batches.flatMap((batch) => batch.keptBecause ?? []))];
  return { ...columns(origins, starts, rows), links, keptBecause };
}

/** Rows in pre-order; parents that form a circle are cut open. */
function preorder(top: readonly number[], children: readonly (readonly number[])[]): Row[] {
  const rows: Row[] = [];
  const visited = new Uint8Array(children.length);
  const walk = (roots: readonly number[]) => {
    const waiting: Row[] = [...roots].reverse().map((origin) => ({ origin, depth: 0, parent: -1 }));
    for (let row = waiting.pop(); row; row = waiting.pop()) {
      if (visited[row.origin]) continue;
      visited[row.origin] = 1;
      const parent = rows.push(row) - 1;
      const below = children[row.origin] as readonly number[];
      for (const origin of [...below].reverse()) waiting.push({ origin, depth: row.depth + 1, parent });
    }
  };
  walk(top);
  for (let origin = 0; origin < children.length; origin++) if (!visited[origin]) walk([origin]);
  return rows;
}

function columns(
  origins: readonly Origin[],
  starts: readonly number[],
  rows: readonly Row[],
): Omit<Trace, 'links' | 'keptBecause'> {
  const began = starts.reduce((a, b) => Math.min(a, b), Infinity);
  const pick = <T>(read: (batch: Batch, i: number) => T): T[] =>
    rows.map(({ origin }) => read((origins[origin] as Origin).batch, (origins[origin] as Origin).i));
  const amounts = (read: (batch: Batch, i: number) => number | undefined) =>
    Float64Array.from(pick((batch, i) => Math.max(0, read(batch, i) || 0)));
  const start = Float64Array.from(rows, ({ origin }) => (starts[origin] as number) - began);
  const duration = amounts((b, i) => b.durationUs[i]);
  const tokensIn = amounts((b, i) => b.tokensIn[i]);
  const tokensOut = amounts((b, i) => b.tokensOut[i]);
  const error = pick((b, i) => b.errors.get(i) ?? '');
  const parent = Int32Array.from(rows, (row) => row.parent);
  const sums: Sums = {
    spans: new Int32Array(rows.length).fill(1),
    errors: Int32Array.from(error, (e) => Number(e !== '')),
    tokens: tokensIn.map((tokens, i) => tokens + (tokensOut[i] as number)),
    nanousd: amounts((b, i) => b.nanousd[i]),
  };
  const subtreeEnd = Int32Array.from(rows, (_, i) => i + 1);
  // From the end, so that the sums of a span are complete before they are added to those of its parent.
  for (let i = rows.length - 1; i >= 0; i--) {
    const above = parent[i] as number;
    if (above < 0) continue;
    subtreeEnd[above] = Math.max(subtreeEnd[above] as number, subtreeEnd[i] as number);
    for (const sum of Object.values(sums) as (Int32Array | Float64Array)[]) {
      sum[above] = (sum[above] as number) + (sum[i] as number);
    }
  }
  return {
    n: rows.length,
    beganMs: Number.isFinite(began) ? began / 1000 : 0,
    spanUs: start.reduce((end, s, i) => Math.max(end, s + (duration[i] as number)), 0),
    ids: pick((b, i) => b.ids[i] as string),
    names: pick((b, i) => b.names[i] as string),
    kinds: pick((b, i) => b.kinds[i] as string),
    models: pick((b, i) => b.models[i] as string),
    tasks: pick((b, i) => b.tasks[i] as string),
    agents: pick((b, i) => b.agents[i] as string),
    error,
    contents: pick((b, i) => b.contents.get(i) ?? ''),
    depth: Int32Array.from(rows, (row) => row.depth),
    parent,
    subtreeEnd,
    start,
    duration,
    tokensIn,
    tokensOut,
    sums,
  };
}
