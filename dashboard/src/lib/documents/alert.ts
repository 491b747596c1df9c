import { instant, isNumber, text, type Fields } from './values';

/** `alerts/{alert}`: an alert rule that fired. */
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
