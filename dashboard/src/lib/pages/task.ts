/** What a task's page listens to, and what it derives: pure but for the first. */

import { limit, where } from 'firebase/firestore';
import { readSession, type Session } from '../documents/session';
import { readTask, type Task } from '../documents/task';
import { readTree, type Tree } from '../documents/tree';
import type { Counters } from '../documents/values';
import type { Listening } from '../firestore/listening';
import { policy, within } from '../firestore/queries';
import type { Params } from '../state/address';
import { batchesOf, cloudTrace, projectOf } from './trace';

const MOST = 60;

export function taskPage(listen: Listening, fleet: string, params: Params) {
  const id = params['task'] as string;
  const { one, list } = within(listen, fleet);
  // What cannot be the name of a document is none's.
  const named = (name: string) => (name.includes('/') || /^\.{1,2}$|^__.*__$/.test(name) ? 'none' : name);
  return {
    id,
    policy: policy(listen, fleet),
    task: listen.document(one('tasks', named(id)), readTask),
    sessions: list(['sessions', where('task_id', '==', id), limit(MOST)], readSession),
    /** What is known only once the task is: its tree, its last session, its trace. */
    family: (root: string) => ({
      root: listen.document(one('tasks', named(root)), readTask),
      tree: listen.document(one('trees', named(root)), readTree),
      tasks: list(['tasks', where('root_task_id', '==', root), limit(MOST)], readTask),
      spawned: list(['tasks', where('parent_task_id', '==', id), limit(MOST)], readTask),
    }),
    session: (session: string) => listen.document(one('sessions', named(session)), readSession),
    batches: (trace: string) => batchesOf(listen, fleet, trace, 1),
    cloud: (trace: string | undefined) => cloudTrace(projectOf(listen.db), trace),
  };
}

export type TaskPage = ReturnType<typeof taskPage>;
export type Family = ReturnType<TaskPage['family']>;

/** One task of a tree, and what it spawned; undefined is what is not known. */
export interface Node {
  task: Task;
  depth: number;
  /** Of its own cost: what first attempts took, and what the rest. */
  parts: { kind: 'first' | 'retry' | 'rotation' | 'handoff'; n: number; nanousd: number }[];
  nanousd: number | undefined;
  /** With everything it spawned, as far as it is known here. */
  wholeNanousd: number;
}

/** The tasks of a tree as it is read: each followed by what it spawned, dearest first. */
export function tree(tasks: readonly Task[], root: string): Node[] {
  const byId = new Map(tasks.map((t) => [t.id, t]));
  const children = new Map<string, Task[]>();
  for (const t of byId.values()) {
    // One whose parent is not here hangs from the root that it names.
    const parent = t.id === root ? undefined : t.parent !== undefined && byId.has(t.parent) ? t.parent : root;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), t]);
  }
  const met = new Set<string>();
  const walk = (task: Task, depth: number): Node[] => {
    if (met.has(task.id)) return [];
    met.add(task.id);
    const below = (children.get(task.id) ?? []).map((child) => walk(child, depth + 1)).filter((nodes) => nodes.length > 0);
    below.sort((a, b) => (b[0] as Node).wholeNanousd - (a[0] as Node).wholeNanousd || ((a[0] as Node).task.id < (b[0] as Node).task.id ? -1 : 1));
    const nanousd = task.voided ? 0 : task.costNanousd;
    const wholeNanousd = (nanousd ?? 0) + below.reduce((sum, nodes) => sum + (nodes[0] as Node).wholeNanousd, 0);
    return [{ task, depth, parts: partsOf(task), nanousd, wholeNanousd }, ...below.flat()];
  };
  const top = byId.get(root);
  return top ? walk(top, 0) : [];
}

/** What a task's own cost went into; the overheads are parts of it, and the first attempt is what is left. */
export function partsOf(task: Task): Node['parts'] {
  const cost = task.voided ? 0 : (task.costNanousd ?? 0);
  const extra = [
    { kind: 'retry' as const, n: task.retries, nanousd: task.retryNanousd },
    { kind: 'rotation' as const, n: task.rotations, nanousd: task.rotationNanousd },
    { kind: 'handoff' as const, n: task.handoffs, nanousd: task.handoffNanousd },
  ];
  const first = Math.max(0, cost - extra.reduce((sum, e) => sum + e.nanousd, 0));
  return [{ kind: 'first' as const, n: 1, nanousd: first }, ...extra].filter((p) => p.kind === 'first' || p.n > 0 || p.nanousd > 0);
}

export interface Bill {
  /** What the tree cost: as published, or where nothing is, as its tasks say. */
  nanousd: number | undefined;
  naiveNanousd: number | undefined;
  trueToNaive: number | undefined;
  tasks: number;
  completed: number;
  failed: number;
  parts: { kind: 'root' | 'subtasks' | 'retry' | 'rotation' | 'handoff'; n: number; nanousd: number }[];
  /** Published tasks that are not among those listed, and what they cost. */
  unlisted: { n: number; nanousd: number };
  published: boolean;
}

/** What a tree adds up to. */
export function bill(nodes: readonly Node[], found: Tree | null | undefined): Bill {
  const counted = nodes.filter((node) => !node.task.voided);
  const sum = (of: (node: Node) => number) => counted.reduce((total, node) => total + of(node), 0);
  const published = found ? found.total : undefined;
  const listed = sum((node) => node.nanousd ?? 0);
  const total: Counters = published ?? {
    cost_nanousd: listed,
    naive_cost_nanousd: counted[0]?.depth === 0 ? (counted[0].parts[0]?.nanousd ?? 0) : 0,
    tasks_created: counted.length,
    tasks_completed: sum((node) => Number(node.task.status === 'completed')),
    tasks_failed: sum((node) => Number(node.task.status === 'failed')),
    retries: sum((node) => node.task.retries),
    rotations: sum((node) => node.task.rotations),
    handoffs: sum((node) => node.task.handoffs),
    retry_cost_nanousd: sum((node) => node.task.retryNanousd),
    rotation_cost_nanousd: sum((node) => node.task.rotationNanousd),
    handoff_cost_nanousd: sum((node) => node.task.handoffNanousd),
  };
  const n = (name: string) => total[name] ?? 0;
  const known = published !== undefined || counted.some((node) => node.nanousd !== undefined);
  const extra = (['retry', 'rotation', 'handoff'] as const).map((kind) => ({ kind, n: n({ retry: 'retries', rotation: 'rotations', handoff: 'handoffs' }[kind]), nanousd: n(`${kind}_cost_nanousd`) }));
  const naive = n('naive_cost_nanousd');
  const spawned = Math.max(0, n('cost_nanousd') - naive - extra.reduce((all, e) => all + e.nanousd, 0));
  return {
    nanousd: known ? n('cost_nanousd') : undefined,
    naiveNanousd: known && naive > 0 ? naive : undefined,
    trueToNaive: found?.trueToNaive ?? (naive > 0 ? n('cost_nanousd') / naive : undefined),
    tasks: n('tasks_created'),
    completed: n('tasks_completed'),
    failed: n('tasks_failed'),
    parts: [{ kind: 'root', n: 1, nanousd: naive }, { kind: 'subtasks', n: Math.max(0, n('tasks_created') - 1), nanousd: spawned }, ...extra],
    unlisted: { n: Math.max(0, n('tasks_created') - counted.length), nanousd: Math.max(0, n('cost_nanousd') - listed) },
    published: published !== undefined,
  };
}

/** One stretch of work on a task: a session, why it began, and the gap before it. */
export interface Stretch {
  session: Session;
  why: 'first' | 'rotation' | 'retry' | 'handoff' | 'session';
  from: number;
  /** Undefined while it goes on. */
  to: number | undefined;
  gapMs: number | undefined;
}

/** The sessions that worked on a task, in their order; each for as long as the task was worked on. */
export function stretches(sessions: readonly Session[], task: Task | null | undefined): Stretch[] {
  const once = [...new Map(sessions.map((s) => [s.id, s])).values()];
  const began = (s: Session) => Math.max(s.startedAt ?? 0, s.predecessor ? 0 : (task?.claimedAt ?? task?.startedAt ?? task?.createdAt ?? 0));
  const byStart = once.filter((s) => began(s) > 0).sort((a, b) => began(a) - began(b));
  return byStart.map((session, i) => {
    const before = once.find((s) => s.id === session.predecessor) ?? undefined;
    const ends = [session.endedAt, task?.endedAt].filter((at): at is number => at !== undefined);
    const from = began(session);
    return {
      session,
      why: whyOf(session, before, i),
      from,
      to: ends.length ? Math.max(from, Math.min(...ends)) : undefined,
      gapMs: session.handoffMs ?? (before?.endedAt !== undefined ? Math.max(0, from - before.endedAt) : undefined),
    };
  });
}

function whyOf(session: Session, before: Session | undefined, i: number): Stretch['why'] {
  if (before === undefined) return session.predecessor ? 'rotation' : i === 0 ? 'first' : 'session';
  if (before.endReason === 'rotated') return 'rotation';
  if (before.endReason === 'crashed') return 'retry';
  return before.agent === session.agent ? 'session' : 'handoff';
}

/** When a task was worked on: from its claim, or as near to it as is known, to its end. */
export function workedOn(task: Task): { queued: number | undefined; from: number | undefined; to: number | undefined } {
  const from = task.startedAt ?? task.claimedAt;
  return { queued: task.createdAt, from: from ?? (task.endedAt !== undefined && task.durationMs !== undefined ? task.endedAt - task.durationMs : undefined), to: task.endedAt };
}

/** A task's status in a word. */
export function statusOf(task: Task): string {
  return task.voided ? 'voided' : (task.status ?? 'unknown');
}

/** The cells of a tree's table in full, for a file: amounts in dollars. */
export function treeCells(nodes: readonly Node[]): (string | number | undefined)[][] {
  const kinds = ['first', 'retry', 'rotation', 'handoff'];
  const usd = (nanousd: number | undefined) => (nanousd === undefined ? undefined : Number((nanousd / 1e9).toFixed(9)));
  const heads = ['Task', 'Title', 'Depth', 'Parent', 'Status', 'Model', ...kinds.map((kind) => `${kind} (USD)`), 'Own (USD)', 'With all (USD)'];
  const rows = nodes.map(({ task, depth, parts, nanousd, wholeNanousd }) => {
    const amounts = kinds.map((kind) => (nanousd === undefined ? undefined : usd(parts.find((p) => p.kind === kind)?.nanousd ?? 0)));
    return [task.id, task.title, depth, task.parent, task.status, task.model, ...amounts, usd(nanousd), usd(wholeNanousd)];
  });
  return [heads, ...rows];
}
