/** What an agent's page listens to, and what it derives: pure but for the first. */

import { limit, orderBy, where } from 'firebase/firestore';
import { rangeOf, slotPoints, type Window } from '../derive/range';
import type { Point } from '../derive/series';
import { readBaseline, type Baseline } from '../documents/baseline';
import { readSession, type Session } from '../documents/session';
import { readSignal } from '../documents/signal';
import { readTask, type Task } from '../documents/task';
import type { Counters } from '../documents/values';
import type { Listening } from '../firestore/listening';
import { policy, rollups, within } from '../firestore/queries';
import type { Params } from '../state/address';

/** Windows and tasks of one agent; the latest. */
const MOST_SESSIONS = 30;
const MOST_TASKS = 60;

export function agentPage(listen: Listening, fleet: string, params: Params) {
  const { list } = within(listen, fleet);
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

/** The window the agent works in: the open one that was seen last, else the latest. */
export function current(sessions: readonly Session[]): Session | undefined {
  return sessions.find((s) => s.open) ?? sessions[0];
}

/** One window of the chain, and the gap before it. */
export interface Link {
  session: Session;
  /** From the end of the one before to the first progress of this, in milliseconds; undefined where it took over from none. */
  gapMs: number | undefined;
  /** The one it took over from, where that is listed. */
  before: Session | undefined;
}

/** An agent's windows, newest first, each with the gap in which nobody worked. */
export function chain(sessions: readonly Session[]): Link[] {
  const byId = new Map(sessions.map((s) => [s.id, s]));
  return [...sessions]
    .sort((a, b) => (b.startedAt ?? b.lastSeenAt ?? 0) - (a.startedAt ?? a.lastSeenAt ?? 0))
    .map((session) => {
      const before = byId.get(session.predecessor ?? '');
      const counted = before?.endedAt !== undefined && session.startedAt !== undefined ? Math.max(0, session.startedAt - before.endedAt) : undefined;
      return { session, before, gapMs: session.handoffMs ?? counted };
    });
}

/** What is known of the cliff for what a session does: of its type of task and model, else of its model, most runs first. */
export function cliffOf(session: Session | undefined, tasks: readonly Task[], baselines: readonly Baseline[]): Baseline | undefined {
  const type = session?.taskType ?? tasks.find((t) => t.id === session?.task)?.type;
  const learned = baselines.filter((b) => b.model === session?.model && b.rotateBelowPct !== undefined);
  return learned.find((b) => b.type === type) ?? learned[0];
}

/**
 * Context left over time, a line for each window: what the window remembers of itself, what was heard of it while the page is open, and
 * that it began with all of it free.
 */
export function contextLines(sessions: readonly Session[], heard: ReadonlyMap<string, readonly Point[]>): { session: Session; points: Point[] }[] {
  return [...sessions].reverse().map((session) => {
    const known = [...session.contextHistory, ...(heard.get(session.id) ?? [])];
    const at = session.endedAt ?? session.lastSeenAt;
    if (at !== undefined && session.contextLeftPct !== undefined) known.push({ x: at, y: session.contextLeftPct });
    const first = Math.min(Infinity, ...known.map((p) => p.x));
    if (session.startedAt !== undefined && session.startedAt < first) known.push({ x: session.startedAt, y: 100 });
    const points = [...new Map(known.map((p) => [p.x, p])).values()].sort((a, b) => a.x - b.x);
    return { session, points };
  });
}

/** What an agent used in each slot of a range: prompt tokens by where they came from, and output. */
export const TOKENS = [
  { name: 'input', counter: 'tokens_in', color: 'var(--c1)' },
  { name: 'cache write', counter: 'cache_write_tokens', color: 'var(--c4)' },
  { name: 'cache read', counter: 'cache_read_tokens', color: 'var(--c6)' },
  { name: 'output', counter: 'tokens_out', color: 'var(--c2)' },
] as const;

export function tokenSeries(window: Window, scope: string): { name: string; color: string; points: Point[] }[] {
  return TOKENS.map(({ name, counter, color }) => ({
    name,
    color,
    points: slotPoints(window, ({ c }) => c[scope] && (c[scope][counter] ?? 0)),
  }));
}

/** Prompt tokens, cached ones included, for one of output; in each slot that has any. */
export function inputToOutput(window: Window, scope: string): Point[] {
  return slotPoints(window, (rollup) => promptToOutput(rollup.c[scope] ?? {}));
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
  const found = new Map<string, { calls: number; errors: number; timed: number; ms: number }>();
  for (const task of tasks) {
    for (const [tool, use] of Object.entries(task.tools)) {
      const sum = found.get(tool) ?? { calls: 0, errors: 0, timed: 0, ms: 0 };
      const timed = use.durationMs === undefined ? 0 : use.calls;
      found.set(tool, { calls: sum.calls + use.calls, errors: sum.errors + use.errors, timed: sum.timed + timed, ms: sum.ms + (use.durationMs ?? 0) });
    }
  }
  return [...found]
    .map(([tool, { calls, errors, timed, ms }]) => ({ tool, calls, errors, success: calls > 0 ? Math.max(0, 1 - errors / calls) : undefined, meanMs: timed > 0 ? ms / timed : undefined }))
    .sort((a, b) => b.calls - a.calls || (a.tool < b.tool ? -1 : 1));
}
