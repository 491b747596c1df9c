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
  /** Of a day: what each of its hours cost. */
  hourlyNanousd: readonly number[];
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
  return { period: text(d['period']) ?? '', c: Object.fromEntries(scopes), hourlyNanousd: numbers(d['cost_nanousd_by_hour']) };
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
