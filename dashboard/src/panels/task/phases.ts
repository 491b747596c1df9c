/** The phases of the work on a task, in words and in the colours of the cost page. */

interface Phase {
  one: string;
  many: string;
  color: string;
}

const PHASES: Readonly<Record<string, Phase>> = {
  root: { one: 'its own first attempt', many: 'its own first attempt', color: 'var(--c1)' },
  first: { one: 'first attempt', many: 'first attempts', color: 'var(--c1)' },
  subtasks: { one: 'the task it spawned', many: 'the tasks it spawned', color: 'var(--c5)' },
  retry: { one: 'retry', many: 'retries', color: 'var(--c3)' },
  rotation: { one: 'rotation', many: 'rotations', color: 'var(--c2)' },
  coordination: { one: 'coordination task', many: 'coordination tasks', color: 'var(--c6)' },
  handoff: { one: 'handoff', many: 'handoffs', color: 'var(--c4)' },
};

/** The words and the colour of a kind of phase; a session that fits no kind is one more session. */
export function phase(kind: string): Phase {
  return PHASES[kind] ?? { one: 'session', many: 'sessions', color: 'var(--c6)' };
}
