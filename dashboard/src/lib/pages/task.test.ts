import { describe, expect, test } from 'vitest';
import { readSession, type Session } from '../documents/session';
import { readTask } from '../documents/task';
import { readTree } from '../documents/tree';
import { branch, phasesOf, replayNote, tookOf, tree, treeTotal, workPeriods } from './task';

const task = (id: string, fields: Record<string, unknown> = {}) => readTask(id, { status: 'completed', root_task_id: 'R', ...fields });
const at = (minute: number) => new Date(Date.UTC(2026, 1, 16, 12, minute)).toISOString();
const minute = (n: number) => Date.UTC(2026, 1, 16, 12, n);

const root = task('R', { root_task_id: undefined, cost_nanousd: 100, retry_cost_nanousd: 30, retries: 2, rotations: 1 });
const a = task('a', { parent_task_id: 'R', cost_nanousd: 10 });
const b = task('b', { parent_task_id: 'R', cost_nanousd: 5 });
const b1 = task('b1', { parent_task_id: 'b', cost_nanousd: 50, status: 'failed' });
const orphan = task('o', { parent_task_id: 'gone', cost_nanousd: 1 });

describe('a tree', () => {
  test('is read branch by branch, the dearest first, what has lost its parent below the root', () => {
    const nodes = tree([orphan, b1, a, b, root], 'R');
    expect(nodes.map((n) => [n.task.id, n.depth, n.wholeNanousd])).toEqual([['R', 0, 166], ['b', 1, 55], ['b1', 2, 50], ['a', 1, 10], ['o', 1, 1]]);
  });

  test('without its root, or with parents in a circle, is drawn as far as it hangs together', () => {
    expect(tree([a], 'R')).toEqual([]);
    const [x, y] = [task('x', { parent_task_id: 'y' }), task('y', { parent_task_id: 'x' })];
    expect(tree([root, x, y], 'R').map((n) => n.task.id)).toEqual(['R']);
  });

  test('of a task is its first attempt and what came on top; what is voided cost nothing', () => {
    expect(phasesOf(root)).toEqual([{ kind: 'first', n: 1, nanousd: 70 }, { kind: 'retry', n: 2, nanousd: 30 }, { kind: 'rotation', n: 1, nanousd: 0 }]);
    expect(tree([task('R', { cost_nanousd: 9, voided: true })], 'R')[0]?.wholeNanousd).toBe(0);
  });
});

describe('a bill', () => {
  const nodes = tree([root, a, b, b1], 'R');

  test('adds up tasks where no tree is published, and its parts add up to it', () => {
    const total = treeTotal(nodes, null);
    expect(total).toMatchObject({ nanousd: 165, tasks: 4, completed: 3, failed: 1, published: false, unlisted: { n: 0, nanousd: 0 } });
    expect(total.parts.reduce((sum, p) => sum + p.nanousd, 0)).toBe(165);
    expect(total.trueToNaive).toBeCloseTo(165 / 135);
    expect(total.parts.slice(0, 2)).toMatchObject([{ kind: 'root', nanousd: 70 }, { kind: 'subtasks', nanousd: 65 }]);
  });

  test('goes by the published tree, and says what of it is not listed', () => {
    const published = readTree('R', {
      total: { cost_nanousd: 365, root_first_cost_nanousd: 70, subtasks_first_cost_nanousd: 180, tasks_created: 9, retry_cost_nanousd: 30, retries: 2, coordination_cost_nanousd: 85, coordination_tasks: 1 },
    });
    const total = treeTotal(nodes, published);
    expect(total).toMatchObject({ nanousd: 365, trueToNaive: 365 / 250, tasks: 9, unlisted: { n: 5, nanousd: 200 }, published: true });
    expect(total.parts.map((p) => [p.kind, p.nanousd])).toEqual([['root', 70], ['subtasks', 180], ['retry', 30], ['rotation', 0], ['handoff', 0], ['coordination', 85]]);
  });

  test('of a tree that an older version counted tells what is known of it', () => {
    const published = readTree('R', { total: { cost_nanousd: 365, naive_cost_nanousd: 70, tasks_created: 9, retry_cost_nanousd: 30 }, ratios: { true_to_naive: 5.2 } });
    const total = treeTotal(nodes, published);
    expect(total.trueToNaive).toBeUndefined();
    expect(total.parts.slice(0, 3)).toMatchObject([{ nanousd: 70 }, { nanousd: 265 }, { nanousd: 30 }]);
  });

  test('of a subtask is of it and what it spawned, not of the tree it is a part of', () => {
    const tasks = [root, a, b, b1, orphan];
    const total = treeTotal(branch(tasks, 'b'), null);
    expect(total).toMatchObject({ nanousd: 55, tasks: 2, completed: 1, failed: 1, trueToNaive: 1 });
    expect(total.parts.slice(0, 2)).toMatchObject([{ kind: 'root', nanousd: 5 }, { kind: 'subtasks', n: 1, nanousd: 50 }]);
    expect(branch(tasks, 'b').map((n) => [n.task.id, n.depth])).toEqual([['b', 0], ['b1', 1]]);
    expect(branch([a, b, b1], 'a').map((n) => n.task.id)).toEqual(['a']);
    expect(branch([task('x', { parent_task_id: 'y' }), task('y', { parent_task_id: 'x' })], 'gone')).toEqual([]);
  });

  test('of unknown cost is not zero', () => {
    expect(treeTotal(tree([task('R')], 'R'), null)).toMatchObject({ nanousd: undefined, trueToNaive: undefined });
  });
});

describe('the sessions of a task', () => {
  const session = (id: string, fields: Record<string, unknown>): Session => readSession(id, { agent_id: 'ada', ...fields });

  test('are told in order, with why each began and the gap before it', () => {
    const periods = workPeriods(
      [
        session('s3', { started_at: at(40), predecessor_session_id: 's2', agent_id: 'bob' }),
        session('s2', { started_at: at(21), ended_at: at(38), predecessor_session_id: 's1', handoff_ms: 12_000, end_reason: 'completed' }),
        session('s1', { started_at: at(0), ended_at: at(20), end_reason: 'rotated' }),
      ],
      task('T', { claimed_at: at(5), completed_at: at(50) }),
    );
    expect(periods.map((s) => [s.session.id, s.reason, s.from, s.to, s.gapMs])).toEqual([
      ['s1', 'first', minute(5), minute(20), undefined],
      ['s2', 'rotation', minute(21), minute(38), 12_000],
      ['s3', 'handoff', minute(40), minute(50), 120_000],
    ]);
  });

  test('count no rotation and no gap that came before they took the task', () => {
    const fresh = session('s2', { started_at: at(1), predecessor_session_id: 's1', handoff_ms: 12_000 });
    expect(workPeriods([fresh], task('T', { claimed_at: at(5) }))).toMatchObject([{ reason: 'first', from: minute(5), gapMs: undefined }]);
    expect(workPeriods([fresh], task('T', { claimed_at: at(0) }))).toMatchObject([{ reason: 'rotation', from: minute(1), gapMs: 12_000 }]);
  });

  test('that lost the task are drawn where they held it, not at a later claim', () => {
    const lost = session('s1', { started_at: at(0), ended_at: at(2), end_reason: 'crashed' });
    const again = session('s2', { started_at: at(3) });
    const periods = workPeriods([lost, again], task('T', { created_at: at(0), started_at: at(1), claimed_at: at(9) }));
    expect(periods.map((s) => [s.from, s.to])).toEqual([[minute(1), minute(2)], [minute(9), undefined]]);
  });

  test('that go on have no end, and one after a crash is a retry', () => {
    const periods = workPeriods([session('s1', { started_at: at(0), ended_at: at(2), end_reason: 'crashed' }), session('s2', { started_at: at(3), predecessor_session_id: 's1' })], task('T'));
    expect(periods.map((s) => [s.reason, s.to])).toEqual([['first', minute(2)], ['retry', undefined]]);
  });
});

describe('the time that a task took', () => {
  const took = (seconds: number, ms: number, fields = {}) => task('T', { started_at: at(0), completed_at: new Date(minute(0) + seconds * 1000).toISOString(), duration_ms: ms, ...fields });

  test('is told with the time that it was open where that differs by more than the writing of it', () => {
    expect(tookOf(took(60, 12_000))).toBe('12.0 s of 1m 00s');
    expect(tookOf(took(30.2, 30_000))).toBe('30.0 s');
    expect(tookOf(task('T', { duration_ms: 5000 }))).toBe('5.00 s');
    expect(tookOf(task('T'))).toBe('–');
  });

  test('of a recording is the recorded time, and the page says that times beside it are those of a faster replay', () => {
    const replayed = took(10, 600_000, { telemetry_source: 'transcript' });
    expect(tookOf(replayed)).toBe('10m 00s as recorded');
    const silent = task('s', { started_at: at(0), completed_at: at(1), telemetry_source: 'transcript' });
    expect([tookOf(silent), tookOf(silent, [replayed, silent])]).toEqual(['1m 00s', '1m 00s of a replay']);
    expect(replayNote([replayed, took(600, 600_000)])).toBe('Times here are those of a replay, which went faster than the recording.');
    expect(replayNote([took(600, 600_000, { telemetry_source: 'transcript' })])).toBe('');
    expect(replayNote([took(10, 600_000)])).toBe('');
  });
});
