/** The task page: what it listens to, and what it derives. */

import { limit, where } from 'firebase/firestore';
import { COST_PARTS, costByPart, costParts, firstPart, OVERHEADS, overheads, ratios, type OverheadKind } from '../derive/derived';
import { readSession, type Session } from '../documents/session';
import { readTask, type Task } from '../documents/task';
import { readTree, type Tree } from '../documents/tree';
import type { Counters } from '../documents/values';
import type { Listening } from '../firestore/listening';
import { inFleet, policy } from '../firestore/queries';
import { duration } from '../format/fmt';
import type { Params } from '../state/address';
import { batchesOf, cloudTrace, projectOf } from './trace';

const MOST = 60;

export function taskPage(listen: Listening, fleet: string, params: Params) {
  const id = params['task'] as string;
  const { document, list } = inFleet(listen, fleet);
  // An id that Firestore allows no document to have leads to a document that does not exist.
  const safe = (name: string) => (name.includes('/') || /^\.{1,2}$|^__.*__$/.test(name) ? 'none' : name);
  return {
    id,
    policy: policy(listen, fleet),
    task: listen.document(document('tasks', safe(id)), readTask),
    sessions: list(['sessions', where('task_id', '==', id), limit(MOST)], readSession),
    /** Opened once the task is read, because the task names its root, its last session and its trace. */
    family: (root: string) => ({
      root: listen.document(document('tasks', safe(root)), readTask),
      tree: listen.document(document('trees', safe(root)), readTree),
      tasks: list(['tasks', where('root_task_id', '==', root), limit(MOST)], readTask),
      spawned: list(['tasks', where('parent_task_id', '==', id), limit(MOST)], readTask),
    }),
    session: (session: string) => listen.document(document('sessions', safe(session)), readSession),
    batches: (trace: string) => batchesOf(listen, fleet, trace, 1),
    cloud: (trace: string | undefined) => cloudTrace(projectOf(listen.db), trace),
  };
}

export type TaskPage = ReturnType<typeof taskPage>;
export type Family = ReturnType<TaskPage['family']>;

/** A part of a cost: how many times, and for how much. */
export interface CostPart<Kind extends string> {
  kind: Kind;
  n: number;
  nanousd: number;
}

/** One task of a tree. */
export interface TreeNode {
  task: Task;
  depth: number;
  /** The parts of its own cost. */
  phases: CostPart<'first' | OverheadKind>[];
  /** Its own cost; undefined where the task does not say. */
  nanousd: number | undefined;
  /** Its cost with that of the listed tasks it spawned. */
  wholeNanousd: number;
}

/** The tasks of a tree, each followed by the tasks it spawned, dearest first. */
export function tree(tasks: readonly Task[], root: string): TreeNode[] {
  const byId = new Map(tasks.map((t) => [t.id, t]));
  const children = new Map<string, Task[]>();
  for (const task of byId.values()) {
    if (task.id === root) continue;
    // A task whose parent is not listed stands below the root that it names.
    const parent = task.parent !== undefined && byId.has(task.parent) ? task.parent : root;
    children.set(parent, [...(children.get(parent) ?? []), task]);
  }
  const visited = new Set<string>();
  const nodesFrom = (task: Task, depth: number): [TreeNode, ...TreeNode[]] | undefined => {
    if (visited.has(task.id)) return undefined;
    visited.add(task.id);
    const branches = (children.get(task.id) ?? []).flatMap((child) => {
      const nodes = nodesFrom(child, depth + 1);
      return nodes ? [nodes] : [];
    });
    branches.sort(([a], [b]) => b.wholeNanousd - a.wholeNanousd || (a.task.id < b.task.id ? -1 : 1));
    const nanousd = task.voided ? 0 : task.costNanousd;
    const wholeNanousd = (nanousd ?? 0) + branches.reduce((sum, [node]) => sum + node.wholeNanousd, 0);
    return [{ task, depth, phases: phasesOf(task), nanousd, wholeNanousd }, ...branches.flat()];
  };
  const top = byId.get(root);
  return (top && nodesFrom(top, 0)) ?? [];
}

/** The part of a tree that one of its tasks is the top of: that task, and the tasks it spawned, at every depth. */
export function branch(tasks: readonly Task[], id: string): TreeNode[] {
  const parents = new Map(tasks.map((t) => [t.id, t.parent]));
  const isPart = ({ id: task }: Task) => {
    const passed = new Set<string>();
    for (let at: string | undefined = task; at !== undefined && !passed.has(at); at = parents.get(at)) {
      if (at === id) return true;
      passed.add(at);
    }
    return false;
  };
  return tree(tasks.filter(isPart), id);
}

/** The phases that a task's own cost went into: its overheads, and its first attempt, which took the rest; or coordination. */
export function phasesOf(task: Task): TreeNode['phases'] {
  const [parts, first] = [costParts(task), firstPart(task)];
  const extra = OVERHEADS.map(({ kind, counter }) => ({ kind, n: task[counter], nanousd: parts[kind] }));
  const kind = first === 'coordination' ? first : 'first';
  return [{ kind, n: 1, nanousd: parts[first] }, ...extra.filter((o) => o.n > 0 || o.nanousd > 0)];
}

/** The sums of a tree. */
export interface TreeTotal {
  /** The published cost, else the sum of the listed tasks; undefined where no task says what it cost. */
  nanousd: number | undefined;
  trueToNaive: number | undefined;
  tasks: number;
  completed: number;
  failed: number;
  parts: CostPart<'root' | 'subtasks' | OverheadKind>[];
  /** Published tasks that are not listed. */
  unlisted: { n: number; nanousd: number };
  published: boolean;
}

/** Take the published sums of a tree; add its listed tasks up where nothing is published. */
export function treeTotal(nodes: readonly TreeNode[], published: Tree | null | undefined): TreeTotal {
  const counted = nodes.filter((node) => !node.task.voided);
  const listed = counted.reduce((sum, node) => sum + (node.nanousd ?? 0), 0);
  const counters = published ? published.total : addedUp(counted);
  const n = (name: string) => counters[name] ?? 0;
  const cost = n('cost_nanousd');
  const hasCost = Boolean(published) || counted.some((node) => node.nanousd !== undefined);
  const extra = overheads(counters).map(({ kind, n: times, nanousd }) => ({ kind, n: times, nanousd }));
  // A tree that an older version counted tells less apart: what is not the root task's own, or overhead, was spawned.
  const own = (published && costByPart(counters)?.root_first) ?? firstOf(nodes.find((node) => node.depth === 0));
  const spawned = Math.max(0, cost - own - extra.reduce((sum, o) => sum + o.nanousd, 0));
  return {
    nanousd: hasCost ? cost : undefined,
    trueToNaive: ratios(counters).trueToNaive,
    tasks: n('tasks_created'),
    completed: n('tasks_completed'),
    failed: n('tasks_failed'),
    parts: [
      { kind: 'root', n: 1, nanousd: own },
      { kind: 'subtasks', n: Math.max(0, n('tasks_created') - 1), nanousd: spawned },
      ...extra,
    ],
    unlisted: { n: Math.max(0, n('tasks_created') - counted.length), nanousd: Math.max(0, cost - listed) },
    published: Boolean(published),
  };
}

/** The first attempt of a task, which is a part of a cost of its own; coordination is none. */
function firstOf(node: TreeNode | undefined): number {
  return node?.phases.find(({ kind }) => kind === 'first')?.nanousd ?? 0;
}

/** The counters of a tree, by the names under which the functions publish them. */
function addedUp(nodes: readonly TreeNode[]): Counters {
  const sum = (value: (node: TreeNode) => number) => nodes.reduce((total, node) => total + value(node), 0);
  const times = OVERHEADS.map(({ counter }) => [counter, sum(({ task }) => task[counter])]);
  const parts = COST_PARTS.map((part) => [`${part}_cost_nanousd`, sum(({ task }) => costParts(task)[part])]);
  return {
    cost_nanousd: sum((node) => node.nanousd ?? 0),
    coordination_tasks: sum(({ task }) => Number(firstPart(task) === 'coordination')),
    tasks_created: nodes.length,
    tasks_completed: sum(({ task }) => Number(task.status === 'completed')),
    tasks_failed: sum(({ task }) => Number(task.status === 'failed')),
    ...Object.fromEntries([...times, ...parts]),
  };
}

/** The time for which a session held a task, why it took it, and the gap before it. */
export interface WorkPeriod {
  session: Session;
  reason: 'first' | 'rotation' | 'retry' | 'handoff' | 'session';
  from: number;
  /** Undefined while it goes on. */
  to: number | undefined;
  gapMs: number | undefined;
}

/**
 * The sessions that held a task, in their order, each until it or the task ended.
 *
 * A session that took over from another before it took this task did so elsewhere: neither the gap nor the rotation is this task's.
 */
export function workPeriods(sessions: readonly Session[], task: Task | null | undefined): WorkPeriod[] {
  const byId = new Map(sessions.map((s) => [s.id, s]));
  // The latest claim is not when a session took the task that ended before it.
  const taken = (s: Session) => [task?.claimedAt, task?.startedAt, task?.createdAt].find((at) => at !== undefined && at <= (s.endedAt ?? Infinity)) ?? 0;
  const tookOver = (s: Session) => byId.has(s.predecessor ?? '') || (s.predecessor !== undefined && (s.startedAt ?? 0) >= taken(s));
  const began = (s: Session) => Math.max(s.startedAt ?? 0, tookOver(s) ? 0 : taken(s));
  const inOrder = [...byId.values()].filter((s) => began(s) > 0).sort((a, b) => began(a) - began(b));
  return inOrder.map((session, i) => {
    const from = began(session);
    const before = byId.get(session.predecessor ?? '');
    const ends = [session.endedAt, task?.endedAt].filter((at) => at !== undefined);
    const gap = before?.endedAt === undefined ? undefined : Math.max(0, from - before.endedAt);
    return {
      session,
      reason: reasonOf(session, before, tookOver(session), i),
      from,
      to: ends.length ? Math.max(from, Math.min(...ends)) : undefined,
      gapMs: tookOver(session) ? (session.handoffMs ?? gap) : undefined,
    };
  });
}

function reasonOf(session: Session, before: Session | undefined, tookOver: boolean, i: number): WorkPeriod['reason'] {
  if (before === undefined && tookOver) return 'rotation';
  if (before === undefined) return i === 0 ? 'first' : 'session';
  if (before.endReason === 'rotated') return 'rotation';
  if (before.endReason === 'crashed') return 'retry';
  return before.agent === session.agent ? 'session' : 'handoff';
}

/** The times at which a task was queued, began and ended; it began at its start or claim, else at its end less its duration. */
export function workedOn({ createdAt, startedAt, claimedAt, endedAt, durationMs }: Task): {
  queued: number | undefined;
  from: number | undefined;
  to: number | undefined;
} {
  const counted = endedAt === undefined || durationMs === undefined ? undefined : endedAt - durationMs;
  return { queued: createdAt, from: startedAt ?? claimedAt ?? counted, to: endedAt };
}

/** Within so much of each other, the time at work and the time open are one. */
const ALIKE = 0.02;

/**
 * How long a task took, in words: the time at work, and the time that it was open where that differs.
 *
 * A replay keeps the recorded time at work. A task that says it was at work for longer than it was open was replayed faster than recorded,
 * and so were the tasks of its tree, `kin`, of which some may not say how long they were at work.
 */
export function tookOf(task: Task, kin: readonly Task[] = [task]): string {
  const { from, to } = workedOn(task);
  const open = from !== undefined && to !== undefined ? to - from : undefined;
  const worked = task.durationMs;
  if (task.source === 'transcript' && isReplayedFaster(kin)) {
    return worked === undefined ? `${duration(open)} of a replay` : `${duration(worked)} as recorded`;
  }
  if (worked === undefined || open === undefined) return duration(worked ?? open);
  return Math.abs(worked - open) <= ALIKE * open ? duration(worked) : `${duration(worked)} of ${duration(open)}`;
}

/** A replay is told by tasks that took so many times as long when recorded as here; a recording's clock may be off by less. */
const FASTER = 1.5;

/**
 * Whether tasks were replayed faster than they were recorded, as far as their recorded durations show.
 *
 * How much faster cannot be told: a replay shortens pauses, and a recorded duration may leave some out.
 */
function isReplayedFaster(tasks: readonly Task[]): boolean {
  let [recorded, here] = [0, 0];
  for (const task of tasks) {
    const { from, to } = workedOn(task);
    if (task.source !== 'transcript' || task.durationMs === undefined || from === undefined || to === undefined) continue;
    recorded += task.durationMs;
    here += to - from;
  }
  return recorded > FASTER * here;
}

/** What a page says beside times of a replay that went faster than the recording. */
export function replayNote(tasks: readonly Task[]): string {
  return isReplayedFaster(tasks) ? 'Times here are those of a replay, which went faster than the recording.' : '';
}

/** A task's status in a word. */
export function statusOf(task: Task): string {
  return task.voided ? 'voided' : (task.status ?? 'unknown');
}

/** The cells of a tree's table in full, for a file: amounts in dollars. */
export function treeCells(nodes: readonly TreeNode[]): (string | number | undefined)[][] {
  const kinds = ['first', ...OVERHEADS.map(({ kind }) => kind), 'coordination'];
  const usd = (nanousd: number | undefined) => (nanousd === undefined ? undefined : Number((nanousd / 1e9).toFixed(9)));
  const parts = kinds.map((kind) => `${kind} (USD)`);
  const rows = nodes.map(({ task, depth, phases, nanousd, wholeNanousd }) => {
    const amounts = kinds.map((kind) => usd(nanousd && (phases.find((p) => p.kind === kind)?.nanousd ?? 0)));
    return [task.id, task.title, depth, task.parent, task.status, task.model, ...amounts, usd(nanousd), usd(wholeNanousd)];
  });
  return [['Task', 'Title', 'Depth', 'Parent', 'Status', 'Model', ...parts, 'Own (USD)', 'With all (USD)'], ...rows];
}
