import { instant, text, type Fields } from './values';

/** `incidents/{incident}`: a conflict between agents. */
export interface Incident {
  id: string;
  kind: string;
  agent: string | undefined;
  other: string | undefined;
  task: string | undefined;
  branch: string | undefined;
  detail: string | undefined;
  at: number | undefined;
}

export function readIncident(id: string, d: Fields): Incident {
  return {
    id,
    kind: text(d['kind']) ?? 'incident',
    agent: text(d['agent_id']),
    other: text(d['other_agent_id']),
    task: text(d['task_id']),
    branch: text(d['branch']),
    detail: text(d['detail']) ?? text(d['reason']),
    at: instant(d['occurred_at']),
  };
}
