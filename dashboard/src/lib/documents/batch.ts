/** A batch of spans, as agents keep them: columns of one length, read without trust. */

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
