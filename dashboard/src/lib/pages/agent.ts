/** The agent page: what it listens to, and what it derives. */

import { limit, orderBy, where } from 'firebase/firestore';
import { rangeOf, slotPoints, type Timeframe } from '../derive/range';
import type { Point } from '../derive/series';
import { readBaseline, type Baseline } from '../documents/baseline';
import { readSession, type Session } from '../documents/session';
import { readSignal } from '../documents/signal';
import { readTask, type Task } from '../documents/task';
import type { Counters } from '../documents/values';
import type { Listening } from '../firestore/listening';
import { inFleet, policy, rollups } from '../firestore/queries';
import type { Params } from '../state/address';

const MOST_SESSIONS = 30;
const MOST_TASKS = 60;

export function agentPage(listen: Listening, fleet: string, params: Params) {
  const { list } = inFleet(listen, fleet);
  const agent = params['agent'] as string;
  const range = rangeOf(params['range']);
  const own = (name: string, time: string, n: number) => [name, where('agent_id', '==', agent), orderBy(time, 'desc'), limit(n)] as const;
  return {
    agent,
    range,
    policy: policy(listen, fleet),
    sessions: list(own('sessions', 'last_seen_at', MOST_SESSIONS), readSession),
    tasks: list(own('tasks', 'created_at', MOST_TASKS), readTask),
    signals: list(own('signals', 'created_at', MOST_SESSIONS), readSignal),
    baselines: list(['baselines', orderBy('runs', 'desc'), limit(MOST_TASKS)], readBaseline),
    rollups: rollups(listen, fleet, range),
  };
}

export type AgentPage = ReturnType<typeof agentPage>;

/** The session the agent works in: the open one that was seen last, else the latest. */
export function current(sessions: readonly Session[]): Session | undefined {
  return sessions.find((s) => s.open) ?? sessions[0];
}

/** The number of an agent's sessions that ended because another took over. */
export function rotated(sessions: readonly Session[]): number {
  return sessions.filter((s) => s.endReason === 'rotated').length;
}

/** One session of the chain, and the gap before it. */
export interface ChainLink {
  session: Session;
  /** From the predecessor's end to the first progress of this session, in milliseconds; undefined without a predecessor. */
  gapMs: number | undefined;
}

/** An agent's sessions, newest first, each with the gap in which nobody worked. */
export function chain(sessions: readonly Session[]): ChainLink[] {
  const byId = new Map(sessions.map((s) => [s.id, s]));
  return [...sessions]
    .sort((a, b) => (b.startedAt ?? b.lastSeenAt ?? 0) - (a.startedAt ?? a.lastSeenAt ?? 0))
    .map((session) => {
      const ended = byId.get(session.predecessor ?? '')?.endedAt;
      const between = ended === undefined || session.startedAt === undefined ? undefined : Math.max(0, session.startedAt - ended);
      return { session, gapMs: session.handoffMs ?? between };
    });
}

/** The learned baseline that fits a session best: of its type of task and model, else the first of its model. */
export function cliffOf(session: Session | undefined, tasks: readonly Task[], baselines: readonly Baseline[]): Baseline | undefined {
  const type = session?.taskType ?? tasks.find((t) => t.id === session?.task)?.type;
  const learned = baselines.filter((b) => b.model === session?.model && b.rotateBelowPct !== undefined);
  return learned.find((b) => b.type === type) ?? learned[0];
}

/** Context left over time, a line for each session. */
export interface ContextLine {
  session: Session;
  points: Point[];
}

/** Lines from the session's own history, from the points observed while the page is open, and from a start with all of it free. */
export function contextLines(
  sessions: readonly Session[],
  observed: ReadonlyMap<string, readonly Point[]>,
): ContextLine[] {
  return [...sessions].reverse().map((session) => {
    const points = [...session.contextHistory, ...(observed.get(session.id) ?? [])];
    const at = session.endedAt ?? session.lastSeenAt;
    if (at !== undefined && session.contextLeftPct !== undefined) points.push({ x: at, y: session.contextLeftPct });
    const first = Math.min(Infinity, ...points.map((p) => p.x));
    if (session.startedAt !== undefined && session.startedAt < first) points.push({ x: session.startedAt, y: 100 });
    const distinct = [...new Map(points.map((p) => [p.x, p])).values()];
    return { session, points: distinct.sort((a, b) => a.x - b.x) };
  });
}

/** The counters of an agent's tokens: of the prompt by where they came from, and of the output. */
const TOKENS = [
  { name: 'input', counter: 'tokens_in', color: 'var(--c1)' },
  { name: 'cache write', counter: 'cache_write_tokens', color: 'var(--c4)' },
  { name: 'cache read', counter: 'cache_read_tokens', color: 'var(--c6)' },
  { name: 'output', counter: 'tokens_out', color: 'var(--c2)' },
] as const;

export function tokenSeries(timeframe: Timeframe, scope: string): { name: string; color: string; points: Point[] }[] {
  return TOKENS.map(({ name, counter, color }) => ({
    name,
    color,
    points: slotPoints(timeframe, ({ c }) => c[scope] && (c[scope][counter] ?? 0)),
  }));
}

/** Prompt tokens, cached ones included, for one token of output, in each slot that has any. */
export function inputToOutput(timeframe: Timeframe, scope: string): Point[] {
  return slotPoints(timeframe, (rollup) => promptToOutput(rollup.c[scope] ?? {}));
}

export function promptToOutput(row: Counters): number | undefined {
  const out = row['tokens_out'] ?? 0;
  const prompt = (row['tokens_in'] ?? 0) + (row['cache_read_tokens'] ?? 0) + (row['cache_write_tokens'] ?? 0);
  return out > 0 ? prompt / out : undefined;
}

export interface ToolUse {
  tool: string;
  calls: number;
  errors: number;
  success: number | undefined;
  meanMs: number | undefined;
}

/** Tools over some tasks, most calls first. The mean is over calls whose time is known. */
export function toolUse(tasks: readonly Task[]): ToolUse[] {
  const sums = new Map<string, { calls: number; errors: number; timed: number; ms: number }>();
  for (const [tool, use] of tasks.flatMap((task) => Object.entries(task.tools))) {
    const sum = sums.get(tool) ?? { calls: 0, errors: 0, timed: 0, ms: 0 };
    sum.calls += use.calls;
    sum.errors += use.errors;
    sum.timed += use.durationMs === undefined ? 0 : use.calls;
    sum.ms += use.durationMs ?? 0;
    sums.set(tool, sum);
  }
  return [...sums]
    .map(([tool, { calls, errors, timed, ms }]) => {
      const success = calls > 0 ? Math.max(0, 1 - errors / calls) : undefined;
      return { tool, calls, errors, success, meanMs: timed > 0 ? ms / timed : undefined };
    })
    .sort((a, b) => b.calls - a.calls || (a.tool < b.tool ? -1 : 1));
}
