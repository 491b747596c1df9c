import { amount, counters, instant, isMap, map, numbers, type Counters, type Fields } from './values';

/** `live/now`: the newest snapshot with rings of the last hour. */
export interface Snapshot {
  at: number | undefined;
  sessions: Counters | undefined;
  queueDepth: number | undefined;
  queueOldestAgeMs: number | undefined;
  tasksInFlight: number | undefined;
  messagesPending: number | undefined;
  parallelAgents: number | undefined;
  /** The share of open sessions that are active. */
  utilisation: number | undefined;
  overProvisioned: boolean;
  /** Active tasks by model. */
  activeByModel: Counters | undefined;
  burnNanousdPerH: number | undefined;
  contextHistogram: readonly number[];
  rings: Readonly<Record<string, readonly number[]>>;
}

export function readSnapshot(_id: string, d: Fields): Snapshot {
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
