import { amount, instant, percentage, text, type Counters, type Fields } from './values';

/** `sessions/{session}`: one context window of an agent. */
export interface Session {
  id: string;
  agent: string | undefined;
  model: string | undefined;
  /** `stuck` where the functions found it so, else the state that the agent reports. */
  state: string;
  task: string | undefined;
  taskType: string | undefined;
  contextLeftPct: number | undefined;
  costNanousd: number | undefined;
  lastSeenAt: number | undefined;
  generation: number;
  waitingFor: string | undefined;
  endReason: string | undefined;
  /** Whether no end of it is known. */
  open: boolean;
  /** Whether it promised to write at an interval; then functions close it soon after it is gone. */
  promisesHeartbeat: boolean;
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
    state: shownState(d),
    task: text(d['task_id']),
    taskType: text(d['task_type']),
    contextLeftPct: contextLeft(d),
    costNanousd: amount(d['cost_nanousd']),
    lastSeenAt: instant(d['last_seen_at']),
    generation: amount(d['generation']) ?? 0,
    waitingFor: text(d['waiting_for']),
    endReason: text(d['end_reason']),
    open: state !== 'completed' && !isOver(d),
    promisesHeartbeat: amount(d['heartbeat_s']) !== undefined,
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

const WORKING_STATES: readonly (string | undefined)[] = ['active', 'waiting'];

/** `stuck` where the functions found it so and no progress has come since, else the reported state: schema/documents/session.py. */
function shownState(d: Fields): string {
  const [state, progress] = [text(d['state']), instant(d['last_progress_at'])];
  const working = WORKING_STATES.includes(state) && progress !== undefined && !isOver(d);
  const found = d['effective_state'] === 'stuck' && progress === instant(d['effective_progress_at']);
  return working && found ? 'stuck' : (state ?? 'idle');
}

/** Whether the document says that the session ended, or takes it back. */
function isOver(d: Fields): boolean {
  return instant(d['ended_at']) !== undefined || text(d['end_reason']) !== undefined || d['voided'] === true;
}

const SILENT_AFTER_MS = 3_600_000;

/**
 * Whether a session has no known end, and nothing says that it goes on: it is idle, promised no heartbeat and was not seen for an hour.
 * Recordings that were replayed leave such sessions.
 */
export function isEndUnknown({ open, state, promisesHeartbeat, lastSeenAt }: Session, now: number): boolean {
  return open && state === 'idle' && !promisesHeartbeat && lastSeenAt !== undefined && now - lastSeenAt > SILENT_AFTER_MS;
}

/** Whether a session goes on, as far as anything says. */
export function goesOn(session: Session, now: number): boolean {
  return session.open && !isEndUnknown(session, now);
}

/** The state of a session that goes on, else how it ended. */
export function stateOrEnd(session: Session, now: number): string {
  if (isEndUnknown(session, now)) return 'end unknown';
  if (session.open) return session.state;
  return session.endReason ?? (session.state === 'completed' ? 'completed' : 'over');
}

/** The session with its window: its own, else its model's of the fleet's list; schema/rotation/thresholds.py. */
export function withWindow(session: Session, windows: Counters): Session {
  const window = windows[session.model ?? ''];
  if (session.contextWindowTokens || !window) return session;
  return { ...session, contextWindowTokens: window, contextLeftPct: session.contextLeftPct ?? leftPct(session.contextUsedTokens, window) };
}

/** The context left, in percent: as reported, else from the tokens, by the rule of schema/rotation/thresholds.py. */
function contextLeft(d: Fields): number | undefined {
  return percentage(d['context_remaining_pct']) ?? leftPct(amount(d['context_used_tokens']), amount(d['context_window_tokens']));
}

function leftPct(used: number | undefined, window: number | undefined): number | undefined {
  return used !== undefined && window ? Math.max(0, 100 * (1 - used / window)) : undefined;
}
