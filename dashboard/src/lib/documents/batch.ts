/** Batches of spans, which agents write as columns of one length. */

import { isMap, isNumber, map, numbers, text, type Fields } from './values';

/** `traces/{trace}/batches/{batch}`. */
export interface Batch {
  beganUs: number;
  ids: readonly string[];
  parents: readonly number[];
  /** The ids of parents in another batch, by the index of the span. */
  remoteParents: ReadonlyMap<number, string>;
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
  keptBecause: string | undefined;
}

/** Read a batch; one with columns of different lengths holds no spans. */
export function readBatch(_id: string, d: Fields): Batch {
  const words = (name: string) => list(d[name]).map((word) => (typeof word === 'string' ? word : ''));
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
  return {
    beganUs: whole ? beganUs : 0,
    ids: whole ? ids : [],
    ...columns,
    remoteParents: byIndex(d['parents']),
    errors: byIndex(d['errors']),
    contents: byIndex(d['content']),
    links: list(d['links']).filter(isMap).map((link) => ({
      span: isNumber(link['span']) ? link['span'] : -1,
      trace: text(link['trace_id']) ?? '',
      id: text(link['span_id']) ?? '',
      kind: text(link['kind']) ?? '',
    })),
    keptBecause: text(d['kept']),
  };
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function byIndex(value: unknown): Map<number, string> {
  const words = Object.entries(map(value)).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return new Map(words.map(([i, word]) => [Number(i), word]));
}
