import { amount, instant, isMap, map, text, type Fields } from './values';

/** `tasks/{task}`: one unit of work. */
export interface Task {
  id: string;
  title: string | undefined;
  type: string | undefined;
  status: string | undefined;
  agent: string | undefined;
  session: string | undefined;
  model: string | undefined;
  createdAt: number | undefined;
  startedAt: number | undefined;
  endedAt: number | undefined;
  durationMs: number | undefined;
  /** Who told of it: `transcript` is a recording that was replayed. */
  source: string | undefined;
  tokensIn: number | undefined;
  tokensOut: number | undefined;
  costNanousd: number | undefined;
  unpriced: boolean;
  parent: string | undefined;
  root: string | undefined;
  depth: number | undefined;
  claimedAt: number | undefined;
  traceparent: string | undefined;
  error: string | undefined;
  priority: string | undefined;
  voided: boolean;
  retries: number;
  rotations: number;
  handoffs: number;
  retryNanousd: number;
  rotationNanousd: number;
  handoffNanousd: number;
  tools: Readonly<Record<string, { calls: number; errors: number; durationMs: number | undefined }>>;
}

export function readTask(id: string, d: Fields): Task {
  const prompt = ['tokens_in', 'cache_read_tokens', 'cache_write_tokens'].flatMap((name) => amount(d[name]) ?? []);
  const counted = (name: string) => amount(d[name]) ?? 0;
  const usd = amount(d['cost_usd']);
  const tools = Object.entries(map(d['tools'])).filter((tool): tool is [string, Fields] => isMap(tool[1]));
  return {
    id,
    title: text(d['title']),
    type: text(d['task_type']),
    status: text(d['status']),
    agent: text(d['agent_id']),
    session: text(d['session_id']),
    model: text(d['model']),
    createdAt: instant(d['created_at']),
    startedAt: instant(d['started_at']),
    endedAt: instant(d['completed_at']),
    durationMs: amount(d['duration_ms']),
    source: text(d['telemetry_source']),
    tokensIn: prompt.length ? prompt.reduce((sum, n) => sum + n, 0) : undefined,
    tokensOut: amount(d['tokens_out']),
    costNanousd: amount(d['cost_nanousd']) ?? (usd === undefined ? undefined : Math.round(usd * 1e9)),
    parent: text(d['parent_task_id']),
    root: text(d['root_task_id']),
    depth: amount(d['depth']),
    claimedAt: instant(d['claimed_at']),
    traceparent: text(d['traceparent']),
    error: text(d['error_type']),
    priority: text(d['priority']),
    voided: d['voided'] === true,
    retries: counted('retries'),
    rotations: counted('rotations'),
    handoffs: counted('handoffs'),
    retryNanousd: counted('retry_cost_nanousd'),
    rotationNanousd: counted('rotation_cost_nanousd'),
    handoffNanousd: counted('handoff_cost_nanousd'),
    unpriced: text(d['cost_source']) === 'unpriced',
    tools: Object.fromEntries(
      tools.map(([name, { calls, errors, duration_ms }]) => {
        return [name, { calls: amount(calls) ?? 0, errors: amount(errors) ?? 0, durationMs: amount(duration_ms) }];
      }),
    ),
  };
}
