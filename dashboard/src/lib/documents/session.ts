import { amount, instant, percentage, text, type Fields } from './values';

/** `sessions/{session}`: one context window of an agent. */
export interface Session {
  id: string;
  agent: string | undefined;
  model: string | undefined;
  /** The state that the functions found, else the state that the agent reports. */
  state: string | undefined;
  task: string | undefined;
  taskType: string | undefined;
  contextLeftPct: number | undefined;
  costNanousd: number | undefined;
  lastSeenAt: number | undefined;
  generation: number;
  waitingFor: string | undefined;
  endReason: string | undefined;
  open: boolean;
  role: string | undefined;
  version: string | undefined;
  runtime: string | undefined;
  host: string | undefined;
  startedAt: number | undefined;
  endedAt: number | undefined;
  contextUsedTokens: number | undefined;
  contextWindowTokens: number | undefined;
  predecessor: string | undefined;
  handoffMs: number | undefined;
  bootstrapTokens: number | undefined;
  /** How the context filled: moments, and percent left. */
  contextHistory: readonly { x: number; y: number }[];
}

export function readSession(id: string, d: Fields): Session {
  const state = text(d['state']);
  return {
    id,
    agent: text(d['agent_id']),
    model: text(d['model']),
    state: effectiveState(d) ?? state,
    task: text(d['task_id']),
    taskType: text(d['task_type']),
    contextLeftPct: contextLeft(d),
    costNanousd: amount(d['cost_nanousd']),
    lastSeenAt: instant(d['last_seen_at']),
    generation: amount(d['generation']) ?? 0,
    waitingFor: text(d['waiting_for']),
    endReason: text(d['end_reason']),
    open: state !== 'completed' && instant(d['ended_at']) === undefined,
    role: text(d['agent_role']),
    version: text(d['agent_version']),
    runtime: text(d['runtime']),
    host: text(d['host']),
    startedAt: instant(d['started_at']),
    endedAt: instant(d['ended_at']),
    contextUsedTokens: amount(d['context_used_tokens']),
    contextWindowTokens: amount(d['context_window_tokens']),
    predecessor: text(d['predecessor_session_id']),
    handoffMs: amount(d['handoff_ms']),
    bootstrapTokens: amount(d['bootstrap_tokens']),
    contextHistory: contextHistory(text(d['context_history']) ?? ''),
  };
}

/** Read `1771264800:72 1771264860:70`: seconds since 1970, and percent left. */
function contextHistory(entries: string): { x: number; y: number }[] {
  return [...entries.matchAll(/(?<![^ ])(\d{1,12}):(\d{1,3})(?![^ ])/g)]
    .map(([, second, left]) => ({ x: Number(second) * 1000, y: Number(left) }))
    .filter(({ y }) => percentage(y) !== undefined);
}

/** The state that the functions found; it holds until the session makes progress. */
function effectiveState(d: Fields): string | undefined {
  const judgedBy = instant(d['effective_progress_at']);
  const holds = judgedBy === undefined || judgedBy === instant(d['last_progress_at']);
  return holds && d['state'] !== 'completed' ? text(d['effective_state']) : undefined;
}

/** The context left, in percent: as reported, else from the tokens, by the rule of functions/rotation.py. */
function contextLeft(d: Fields): number | undefined {
  const [used, window] = [amount(d['context_used_tokens']), amount(d['context_window_tokens'])];
  const counted = used !== undefined && window ? Math.max(0, 100 * (1 - used / window)) : undefined;
  return percentage(d['context_remaining_pct']) ?? counted;
}
