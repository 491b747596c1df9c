/** The fleet page: what it listens to, and what it derives. */

import { limit, orderBy, where } from 'firebase/firestore';
import { countersOf, fleetRatios, isCostKnown, ratios, rootTasksCompleted } from '../derive/derived';
import { MOST } from '../derive/range';
import { startOf } from '../derive/range';
import { HOUR_MS } from '../derive/series';
import { readAlert, type Alert } from '../documents/alert';
import { readBaseline } from '../documents/baseline';
import type { Rollup } from '../documents/rollup';
import { goesOn, readSession, type Session } from '../documents/session';
import { readSignal, type Signal } from '../documents/signal';
import type { Counters } from '../documents/values';
import type { Listening } from '../firestore/listening';
import { inFleet, now, policy, rollups } from '../firestore/queries';
import { rate, roughDuration } from '../format/fmt';
import { dimensionOf, titleOf } from '../format/scopes';

/** The states of an open session. */
const OPEN = ['idle', 'active', 'waiting', 'stuck', 'error'];

export const HOURS_A_MONTH = (365 * 24) / 12;

export function fleetPage(listen: Listening, fleet: string) {
  const { list, newest } = inFleet(listen, fleet);
  return {
    policy: policy(listen, fleet),
    now: now(listen, fleet),
    days: rollups(listen, fleet, { grain: 'day', n: 7 }),
    sessions: list(newest('sessions', 'last_seen_at', MOST), readSession),
    // In a large fleet the latest sessions are not those with the least context left.
    near: list(['sessions', where('state', 'in', OPEN), orderBy('context_remaining_pct'), limit(20)], readSession),
    // As many as sessions, because the table shows the signal of each session, not only the latest five.
    signals: list(newest('signals', 'created_at', MOST), readSignal),
    // Only baselines with a learned threshold: a query that is ordered by a field skips documents without it.
    learned: list(['baselines', orderBy('rotate_below_pct'), limit(MOST)], readBaseline),
    alerts: list(newest('alerts', 'opened_at', 20), readAlert),
  };
}

export type FleetPage = ReturnType<typeof fleetPage>;

export interface HourOfSpend {
  start: number;
  nanousd: number;
}

/** The 24 hours up to now, hours without spend as zero; `past` where they end with the newest spend, because there is none since. */
export function lastDay(days: readonly Rollup[], now: number): { hours: HourOfSpend[]; past: boolean } {
  const spend = spendByHour(days);
  const newest = Math.max(...spend.keys());
  const current = Math.floor(now / HOUR_MS) * HOUR_MS;
  const past = newest <= current - 24 * HOUR_MS;
  const last = Number.isFinite(newest) && (past || newest > current) ? newest : current;
  const hours = Array.from({ length: 24 }, (_, i) => last - (23 - i) * HOUR_MS);
  return { hours: hours.map((start) => ({ start, nanousd: spend.get(start) ?? 0 })), past: past && Number.isFinite(newest) };
}

/** Whether what was spent in the last 60 minutes may be all of less than an hour, from which no month can be told. */
export function isTooYoung(days: readonly Rollup[], now: number): boolean {
  const first = Math.min(...spendByHour(days).keys());
  // Of its first hour of spend, a fleet may have been there for the end only.
  return Number.isFinite(first) && now - (first + HOUR_MS) < HOUR_MS;
}

/** The spend of each hour that has any, by the hour's start. */
function spendByHour(days: readonly Rollup[]): Map<number, number> {
  return new Map(
    days.flatMap(({ period, hourlyNanousd }) => {
      const start = startOf('day', period);
      if (start === undefined) return [];
      return hourlyNanousd.flatMap((nanousd, n): [number, number][] => (nanousd > 0 ? [[start + n * HOUR_MS, nanousd]] : []));
    }),
  );
}

/** The usual tiers in their order, and models of an unknown tier. */
const TIERS = ['tier:frontier', 'tier:standard', 'tier:light', 'tier:_unknown'] as const;

export interface CostPerTask {
  /** Undefined where no call has a known price. */
  costNanousd: number | undefined;
  completed: number;
  /** Undefined while nothing is completed, and where no call has a known price. */
  perTaskNanousd: number | undefined;
  /** Completed tasks of unknown cost, which count as free in the ratio. */
  unpriced: number;
}

export type TierCost = CostPerTask & { tier: string };

export interface CostByTier {
  /** Of what was asked for: `completed` are root tasks, undefined where an older version counted some and told no subtasks apart. */
  fleet: Omit<CostPerTask, 'completed'> & { completed: number | undefined; subtasks: number };
  tiers: TierCost[];
  /** The first and the last day with counters, as ISO days, and the number of such days. */
  first: string;
  last: string;
  days: number;
  unpricedCalls: number;
  calls: number;
}

/** The cost per completed root task, and by tier per task of it, over all days given: all spend, failures included, over completions. */
export function costByTier(rollups: readonly Rollup[]): CostByTier | undefined {
  const days = rollups.filter((r) => /^\d{4}-\d{2}-\d{2}$/.test(r.period) && Object.keys(r.c).length > 0);
  const periods = days.map((r) => r.period).sort();
  const [first, last] = [periods[0], periods.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const fleet = countersOf(days, 'fleet');
  const others = new Set(days.flatMap((r) => Object.keys(r.c)).filter((s) => dimensionOf(s) === 'tier'));
  const tiers = [...new Set([...TIERS, ...[...others].sort()])]
    .filter((scope) => others.has(scope))
    .map((scope) => ({ tier: titleOf(scope), ...costPerTask(countersOf(days, scope)) }))
    .filter((t) => t.costNanousd !== 0 || t.completed > 0);
  return {
    fleet: {
      ...costPerTask(fleet),
      completed: rootTasksCompleted(fleet),
      perTaskNanousd: fleetRatios(fleet).perCompletedNanousd,
      subtasks: fleet['subtasks_completed'] ?? 0,
    },
    tiers,
    first,
    last,
    days: new Set(periods).size,
    unpricedCalls: fleet['unpriced_calls'] ?? 0,
    calls: fleet['llm_calls'] ?? 0,
  };
}

/** The whole cost of the scope's tasks where it is counted, else the cost. */
function costPerTask(counters: Counters): CostPerTask {
  const costNanousd = isCostKnown(counters) ? (counters['task_cost_nanousd'] ?? counters['cost_nanousd'] ?? 0) : undefined;
  const completed = counters['tasks_completed'] ?? 0;
  const unpriced = counters['tasks_completed_unpriced'] ?? 0;
  return { costNanousd, completed, perTaskNanousd: ratios(counters).perCompletedNanousd, unpriced };
}

/** Sessions in the order of the table: those that go on with the least context left first, then the others, latest first. */
export function byContextLeft(sessions: readonly Session[], now: number): Session[] {
  const leftOf = (s: Session) => s.contextLeftPct ?? Infinity;
  const seen = (s: Session) => s.lastSeenAt ?? 0;
  return [...sessions].sort((a, b) => {
    const [goes, other] = [goesOn(a, now), goesOn(b, now)];
    if (goes !== other) return goes ? -1 : 1;
    const order = goes ? Math.sign(leftOf(a) - leftOf(b)) || 0 : 0;
    return order || seen(b) - seen(a) || (a.id < b.id ? -1 : 1);
  });
}

/** The newest rotate signal of each session. */
export function rotateSignals(signals: readonly Signal[]): Map<string, Signal> {
  const newest = new Map<string, Signal>();
  for (const signal of signals) {
    if (signal.session === undefined || signal.kind !== 'rotate') continue;
    const other = newest.get(signal.session);
    if (other === undefined || (signal.createdAt ?? 0) > (other.createdAt ?? 0)) newest.set(signal.session, signal);
  }
  return newest;
}

/** An alert or a signal, with its time. */
export type Event = { at: number } & ({ alert: Alert } | { signal: Signal });

/** The newest `n` alerts and signals in one list, newest first. */
export function alertsAndSignals(alerts: readonly Alert[], signals: readonly Signal[], n: number): Event[] {
  const events: Event[] = [
    ...alerts.map((alert) => ({ at: alert.openedAt ?? 0, alert })),
    ...signals.map((signal) => ({ at: signal.createdAt ?? 0, signal })),
  ];
  return events.sort((a, b) => b.at - a.at).slice(0, n);
}

/** Sessions of several lists, each once. */
export function merged(...lists: readonly (readonly Session[])[]): Session[] {
  return [...new Map(lists.flat().map((s) => [s.id, s])).values()];
}

/** One part of a whole: how many, and what share of all. */
export interface Share {
  key: string;
  n: number;
  part: number;
}

/** The largest parts of a whole, largest first, and the others as one; empty parts are left out. */
export function shares(parts: Counters, most: number, rest = '_other'): Share[] {
  const named = Object.entries(parts).filter(([key, n]) => n > 0 && key !== rest);
  named.sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const whole = Object.values(parts).reduce((sum, n) => sum + Math.max(0, n), 0);
  const cut = named.length + (parts[rest] ? 1 : 0) > most ? most - 1 : most;
  const others = named.slice(cut).reduce((sum, [, n]) => sum + n, Math.max(0, parts[rest] ?? 0));
  const shown: [string, number][] = [...named.slice(0, cut), ...(others > 0 ? [[rest, others] as [string, number]] : [])];
  return shown.map(([key, n]) => ({ key, n, part: n / whole }));
}

const STATES = ['active', 'waiting', 'idle', 'stuck', 'error'] as const;

/** Open sessions by context left in ten steps, each with the percentage in its middle; undefined for a broken histogram. */
export function contextSteps(histogram: readonly number[]): { from: number; middle: number; n: number }[] | undefined {
  if (histogram.length !== 10 || !histogram.every((n) => n >= 0)) return undefined;
  return histogram.map((n, i) => ({ from: i * 10, middle: i * 10 + 5, n }));
}

/** Sessions by state in a fixed order, unknown states by name at the end; states without sessions are left out. */
export function byState(sessions: Counters): { state: string; n: number }[] {
  const others = Object.keys(sessions).filter((s) => s !== 'completed' && !(STATES as readonly string[]).includes(s));
  return [...STATES, ...others.sort()].map((state) => ({ state, n: sessions[state] ?? 0 })).filter(({ n }) => n > 0);
}

/** The level of a share of failed calls, with its words, colour and shape; an unknown share has no words. */
export interface ErrorBand {
  level: 'unknown' | 'good' | 'warn' | 'bad';
  words: string;
  color: string;
  icon?: 'triangle' | 'circle';
}

export function errorBand(share: number | undefined): ErrorBand {
  if (share === undefined) return { level: 'unknown', words: '', color: 'var(--idle)' };
  // Rounded as it is written, so that a share that reads 1.0 % is not under 1 %.
  const rounded = Math.round(share * 1000) / 1000;
  if (rounded > 0.05) return { level: 'bad', words: 'over 5 %: bad', color: 'var(--error)', icon: 'circle' };
  if (rounded >= 0.01) return { level: 'warn', words: '1–5 %: watch', color: 'var(--stuck)', icon: 'triangle' };
  return { level: 'good', words: 'under 1 %: good', color: 'var(--active)' };
}

/** The status of a signal as it is drawn. Some signals expire because the session no longer needs a successor. */
export function signalStatus({ status = 'unknown', expiredBecause }: Pick<Signal, 'status' | 'expiredBecause'>): {
  name: string;
  icon: 'triangle' | 'circle' | 'check' | 'half';
} {
  const harmless = status === 'expired' && ['compacted', 'recovered', 'ended'].includes(expiredBecause ?? '');
  if (harmless) return { name: expiredBecause as string, icon: 'check' };
  const icons = { pending: 'triangle', expired: 'circle', completed: 'check' } as const;
  return { name: status, icon: icons[status as keyof typeof icons] ?? 'half' };
}

/** These rules measure the age of a signal, in seconds. */
const DURATION_RULES = ['rotation_unheeded', 'rotation_without_successor'];

/** Write what an alert rule measured. */
export function measured(rule: string, value: number): string {
  return DURATION_RULES.includes(rule) ? roughDuration(value * 1000) : rate(value);
}
