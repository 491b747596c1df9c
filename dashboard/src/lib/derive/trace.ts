/**
 * A trace: its batches put together into one tree of spans in columns, in the order it is read, so that what is below a span is the
 * stretch behind it, and to fold it up is one addition. Pure.
 */

import type { Batch } from '../documents/batch';

/** What is added up of a span and all below it. */
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
  /** What a span itself ended with; empty for most. */
  error: readonly string[];
  contents: readonly string[];
  depth: Int32Array;
  parent: Int32Array;
  /** The index behind the last span below this one. */
  last: Int32Array;
  /** Microseconds since the trace began. */
  start: Float64Array;
  duration: Float64Array;
  tokensIn: Float64Array;
  tokensOut: Float64Array;
  sums: Sums;
  links: readonly { span: number; trace: string; id: string; kind: string }[];
  kept: readonly string[];
}

/** Put batches together. A span that is in two is shown once, and one whose parent is in none stands at the top. */
export function assemble(batches: readonly Batch[]): Trace {
  const at: { batch: Batch; i: number }[] = [];
  const byId = new Map<string, number>();
  const global = batches.map((batch) =>
    batch.ids.map((id, i) => {
      const known = byId.get(id);
      if (known !== undefined) return known;
      byId.set(id, at.length);
      return at.push({ batch, i }) - 1;
    }),
  );
  const starts = at.map(({ batch, i }) => batch.beganUs + (batch.startUs[i] as number));
  const children = at.map((): number[] => []);
  const top: number[] = [];
  for (const [b, batch] of batches.entries()) {
    for (let i = 0; i < batch.ids.length; i++) {
      const own = global[b]?.[i] as number;
      if (at[own]?.batch !== batch || at[own]?.i !== i) continue;
      const above = batch.parents[i] as number;
      const found = above >= 0 && above !== i ? global[b]?.[above] : byId.get(batch.elsewhere.get(i) ?? '');
      (found === undefined || found === own ? top : (children[found] as number[])).push(own);
    }
  }
  const bySpan = (a: number, b: number) => (starts[a] as number) - (starts[b] as number);
  for (const list of [top, ...children]) list.sort(bySpan);
  return columns(at, starts, preorder(top, children, at.length), batches);
}

/** Spans with their depth and parent's place, each followed by what is below it; parents that go round in a circle are cut open. */
function preorder(top: readonly number[], children: readonly (readonly number[])[], n: number): { own: number; depth: number; parent: number }[] {
  const order: { own: number; depth: number; parent: number }[] = [];
  const met = new Uint8Array(n);
  const walk = (roots: readonly number[]) => {
    const waiting = [...roots].reverse().map((own) => ({ own, depth: 0, parent: -1 }));
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      if (met[next.own]) continue;
      met[next.own] = 1;
      const parent = order.push(next) - 1;
      const below = children[next.own] as readonly number[];
      for (let i = below.length - 1; i >= 0; i--) waiting.push({ own: below[i] as number, depth: next.depth + 1, parent });
    }
  };
  walk(top);
  for (let own = 0; own < n; own++) if (!met[own]) walk([own]);
  return order;
}

function columns(at: readonly { batch: Batch; i: number }[], starts: readonly number[], order: readonly { own: number; depth: number; parent: number }[], batches: readonly Batch[]): Trace {
  const n = order.length;
  const began = starts.reduce((a, b) => Math.min(a, b), Infinity);
  const pick = <T>(read: (batch: Batch, i: number) => T): T[] => order.map(({ own }) => read((at[own] as { batch: Batch }).batch, (at[own] as { i: number }).i));
  const amounts = (read: (batch: Batch, i: number) => number | undefined) => Float64Array.from(pick((batch, i) => Math.max(0, read(batch, i) || 0)));
  const start = Float64Array.from(order, ({ own }) => (starts[own] as number) - began);
  const duration = amounts((b, i) => b.durationUs[i]);
  const tokensIn = amounts((b, i) => b.tokensIn[i]);
  const tokensOut = amounts((b, i) => b.tokensOut[i]);
  const error = pick((b, i) => b.errors.get(i) ?? '');
  const parent = Int32Array.from(order, (o) => o.parent);
  const sums: Sums = {
    spans: new Int32Array(n).fill(1),
    errors: Int32Array.from(error, (e) => Number(e !== '')),
    tokens: tokensIn.map((tokens, i) => tokens + (tokensOut[i] as number)),
    nanousd: amounts((b, i) => b.nanousd[i]),
  };
  const last = Int32Array.from({ length: n }, (_, i) => i + 1);
  // From the end: what is below a span is added up before it is added to its parent.
  for (let i = n - 1; i >= 0; i--) {
    const above = parent[i] as number;
    if (above < 0) continue;
    last[above] = Math.max(last[above] as number, last[i] as number);
    for (const sum of Object.values(sums) as (Int32Array | Float64Array)[]) sum[above] = (sum[above] as number) + (sum[i] as number);
  }
  const place = new Map(order.map(({ own }, i) => [at[own], i]));
  const batchPlaces = new Map(at.map((entry) => [`${batches.indexOf(entry.batch)} ${entry.i}`, place.get(entry) as number]));
  return {
    n,
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
    depth: Int32Array.from(order, (o) => o.depth),
    parent,
    last,
    start,
    duration,
    tokensIn,
    tokensOut,
    sums,
    links: batches.flatMap((b, k) => b.links.flatMap((l) => (batchPlaces.has(`${k} ${l.span}`) ? [{ ...l, span: batchPlaces.get(`${k} ${l.span}`) as number }] : []))),
    kept: [...new Set(batches.flatMap((b) => b.kept ?? []))],
  };
}
