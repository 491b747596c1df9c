/**
 * A trace: its batches put together into one tree of spans in columns, in the order it is read, so that what is below a span is the
 * stretch behind it, and to fold it up is one addition. Pure.
 */

import { isMap, isNumber, map, numbers, text, type Fields } from './values';

/** `traces/{trace}/batches/{batch}`, as far as it could be read: columns of one length. */
export interface Batch {
  beganUs: number;
  ids: readonly string[];
  parents: readonly number[];
  /** Index -> id of a parent in another batch. */
  elsewhere: ReadonlyMap<number, string>;
  names: readonly string[];
  kinds: readonly string[];
  models: readonly string[];
  tasks: readonly string[];
  agents: readonly string[];
  startUs: readonly number[];
  durationUs: readonly number[];
  tokensIn: readonly number[];
  tokensOut: readonly number[];
  nanousd: readonly number[];
  errors: ReadonlyMap<number, string>;
  links: readonly { span: number; trace: string; id: string; kind: string }[];
  contents: ReadonlyMap<number, string>;
  kept: string | undefined;
}

/** Read a batch; one whose columns do not fit together holds no spans. */
export function readBatch(_id: string, d: Fields): Batch {
  const words = (name: string) => (Array.isArray(d[name]) ? (d[name] as unknown[]).map((word) => (typeof word === 'string' ? word : '')) : []);
  const beganUs = d['began_us'];
  const ids = words('span_id');
  const columns = {
    parents: numbers(d['parent']),
    names: words('name'),
    kinds: words('kind'),
    models: words('model'),
    tasks: words('task_id'),
    agents: words('agent_id'),
    startUs: numbers(d['start_us']),
    durationUs: numbers(d['duration_us']),
    tokensIn: numbers(d['tokens_in']),
    tokensOut: numbers(d['tokens_out']),
    nanousd: numbers(d['cost_nanousd']),
  };
  const whole = isNumber(beganUs) && Object.values(columns).every((column) => column.length === ids.length);
  const links = Array.isArray(d['links']) ? (d['links'] as unknown[]).filter(isMap) : [];
  return {
    beganUs: whole ? beganUs : 0,
    ids: whole ? ids : [],
    ...columns,
    elsewhere: byIndex(d['parents']),
    errors: byIndex(d['errors']),
    contents: byIndex(d['content']),
    links: links.map((l) => ({ span: isNumber(l['span']) ? l['span'] : -1, trace: text(l['trace_id']) ?? '', id: text(l['span_id']) ?? '', kind: text(l['kind']) ?? '' })),
    kept: text(d['kept']),
  };
}

function byIndex(value: unknown): Map<number, string> {
  return new Map(Object.entries(map(value)).flatMap(([i, word]) => (typeof word === 'string' ? [[Number(i), word] as const] : [])));
}

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
