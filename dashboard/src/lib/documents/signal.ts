import { instant, percentage, text, type Fields } from './values';

/** `signals/{signal}`: a request to a session, such as to rotate, and its status. */
export interface Signal {
  id: string;
  kind: string;
  status: string | undefined;
  session: string | undefined;
  agent: string | undefined;
  contextLeftPct: number | undefined;
  thresholdPct: number | undefined;
  createdAt: number | undefined;
  /** When a successor was at work. */
  completedAt: number | undefined;
  successor: string | undefined;
  /** Why it expired: one of the reasons of tachograph_schema.signal_life. */
  expiredBecause: string | undefined;
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
