/**
 * What the documents say, read without trust: a field that is missing or broken is undefined, never zero, and no document throws.
 *
 * The documents are defined in schema/tachograph_schema (records.py, session.py, fleet.py); integers above 2^53 lose their
 * last digits here, which for nano-dollars is beyond nine million dollars.
 */

import { readRotation, type Rotation } from './thresholds';
import { amount, counters, instant, isMap, isNumber, map, numbers, percentage, text, type Counters, type Fields } from './values';

export type { Counters, Fields } from './values';

/** `live/now`: the newest snapshot with rings of the last hour. */
export interface Now {
  at: number | undefined;
  sessions: Counters | undefined;
  queueDepth: number | undefined;
  queueOldestAgeMs: number | undefined;
  tasksInFlight: number | undefined;
  messagesPending: number | undefined;
  parallelAgents: number | undefined;
  /** The part of the open sessions that is active. */
  utilisation: number | undefined;
  overProvisioned: boolean;
  /** Active tasks by model; undefined where the snapshot does not say. */
  activeByModel: Counters | undefined;
  burnNanousdPerH: number | undefined;
  contextHistogram: readonly number[];
  rings: Readonly<Record<string, readonly number[]>>;
}

/** `rollups/{grain}_{period}`: counters by scope. */
export interface Rollup {
  period: string;
  c: Readonly<Record<string, Counters>>;
}

/** `sessions/{session}`: one context window. */
export interface Session {
  id: string;
  agent: string | undefined;
  model: string | undefined;
  /** What it does in fact: what it says, unless that was found to be untrue. */
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
  /** What the window remembers of how it filled: moments and percent left. */
  contextHistory: readonly { x: number; y: number }[];
}

/** `signals/{signal}`: what a session was told to do, and how far it got. */
export interface Signal {
  id: string;
  kind: string;
  status: string | undefined;
  session: string | undefined;
  agent: string | undefined;
  contextLeftPct: number | undefined;
  thresholdPct: number | undefined;
  createdAt: number | undefined;
  /** From being told to a successor at work. */
  completedAt: number | undefined;
  successor: string | undefined;
  /** Why it came to nothing; two of the reasons went wrong, see `schema/tachograph_schema/signal_life.py`. */
  expiredBecause: string | undefined;
}

/** `alerts/{alert}`: a rule that fired. */
export interface Alert {
  id: string;
  rule: string;
  severity: string | undefined;
  subject: string | undefined;
  value: number | undefined;
  threshold: number | undefined;
  openedAt: number | undefined;
  resolvedAt: number | undefined;
  acknowledgedAt: number | undefined;
}

/** `fleets/{fleet}`: what its owner tunes, as far as the page draws it. */
export interface Policy {
  name: string | undefined;
  rotation: Rotation;
  handoffTargetMs: number;
  queueMaxTasks: number | undefined;
  hourlyBudgetNanousd: number | undefined;
}

export const DEFAULT_HANDOFF_TARGET_MS = 45_000;

export function readNow(_id: string, d: Fields): Now {
  return {
    at: instant(d['at']),
    sessions: isMap(d['sessions']) ? counters(d['sessions']) : undefined,
    queueDepth: amount(d['queue_depth']),
    queueOldestAgeMs: amount(d['queue_oldest_age_ms']),
    tasksInFlight: amount(d['tasks_in_flight']),
    messagesPending: amount(d['messages_pending']),
    parallelAgents: amount(d['parallel_agents']),
    utilisation: amount(d['utilisation']),
    overProvisioned: d['over_provisioned'] === true,
    activeByModel: isMap(d['active_by_model']) ? counters(d['active_by_model']) : undefined,
    burnNanousdPerH: amount(d['burn_nanousd_per_h']),
    contextHistogram: numbers(d['context_histogram']),
    rings: Object.fromEntries(Object.entries(map(d['rings'])).map(([name, ring]) => [name, numbers(ring)])),
  };
}

export function readRollup(_id: string, d: Fields): Rollup {
  const scopes = Object.entries(map(d['c'])).map(([scope, cells]) => [scope, counters(cells)]);
  return { period: text(d['period']) ?? '', c: Object.fromEntries(scopes) };
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

export function readSignal(id: string, d: Fields): Signal {
  return {
    id,
    kind: text(d['kind']) ?? 'signal',
    status: text(d['status']),
    session: text(d['session_id']),
    agent: text(d['agent_id']),
    contextLeftPct: percentage(d['context_remaining_pct']),
    thresholdPct: percentage(d['threshold_pct']),
    createdAt: instant(d['created_at']),
    completedAt: instant(d['completed_at']),
    successor: text(d['successor_session_id']),
    expiredBecause: text(d['expired_because']),
  };
}

export function readAlert(id: string, d: Fields): Alert {
  const number = (value: unknown) => (isNumber(value) ? value : undefined);
  return {
    id,
    rule: text(d['rule']) ?? 'alert',
    severity: text(d['severity']),
    subject: text(d['subject']),
    value: number(d['value']),
    threshold: number(d['threshold']),
    openedAt: instant(d['opened_at']),
    resolvedAt: instant(d['resolved_at']),
    acknowledgedAt: instant(d['acknowledged_at']),
  };
}

export function readPolicy(_id: string, d: Fields): Policy {
  const rotation = map(d['rotation']);
  return {
    name: text(d['name']),
    rotation: readRotation(rotation),
    handoffTargetMs: amount(rotation['handoff_target_ms']) ?? DEFAULT_HANDOFF_TARGET_MS,
    queueMaxTasks: amount(d['queue_max_tasks']) || undefined,
    hourlyBudgetNanousd: amount(d['hourly_budget_nanousd']) || undefined,
  };
}

/** What holds for a fleet whose owner has set nothing. */
export const DEFAULT_POLICY: Policy = readPolicy('', {});

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
  tokensIn: number | undefined;
  tokensOut: number | undefined;
  costNanousd: number | undefined;
  unpriced: boolean;
  tools: Readonly<Record<string, { calls: number; errors: number; durationMs: number | undefined }>>;
}

export function readTask(id: string, d: Fields): Task {
  const prompt = ['tokens_in', 'cache_read_tokens', 'cache_write_tokens'].map((name) => amount(d[name]));
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
    tokensIn: prompt.some((n) => n !== undefined) ? prompt.reduce<number>((sum, n) => sum + (n ?? 0), 0) : undefined,
    tokensOut: amount(d['tokens_out']),
    costNanousd: amount(d['cost_nanousd']) ?? (usd === undefined ? undefined : Math.round(usd * 1e9)),
    unpriced: text(d['cost_source']) === 'unpriced',
    tools: Object.fromEntries(
      tools.map(([name, use]) => [name, { calls: amount(use['calls']) ?? 0, errors: amount(use['errors']) ?? 0, durationMs: amount(use['duration_ms']) }]),
    ),
  };
}

/** `1771264800:72 1771264860:70`: seconds since 1970, and percent left. */
function contextHistory(said: string): { x: number; y: number }[] {
  return [...said.matchAll(/(?<![^ ])(\d{1,12}):(\d{1,3})(?![^ ])/g)].flatMap(([, second, left]) => (percentage(Number(left)) === undefined ? [] : [{ x: Number(second) * 1000, y: Number(left) }]));
}

/** What a session was found to do, against what it says; with any progress since, that is over. */
function effectiveState(d: Fields): string | undefined {
  const judgedBy = instant(d['effective_progress_at']);
  const holds = judgedBy === undefined || judgedBy === instant(d['last_progress_at']);
  return holds && d['state'] !== 'completed' ? text(d['effective_state']) : undefined;
}

/** What is left of the window, in percent: as reported, else from the tokens, as functions/rotation.py has it. */
function contextLeft(d: Fields): number | undefined {
  const [used, window] = [amount(d['context_used_tokens']), amount(d['context_window_tokens'])];
  const counted = used !== undefined && window ? Math.max(0, 100 * (1 - used / window)) : undefined;
  return percentage(d['context_remaining_pct']) ?? counted;
}
