/** The parts of what a task cost, the same colours as on the cost page. */
export const PARTS: Readonly<Record<string, { one: string; many: string; color: string }>> = {
  root: { one: 'its own first attempt', many: 'its own first attempt', color: 'var(--c1)' },
  first: { one: 'first attempt', many: 'first attempts', color: 'var(--c1)' },
  subtasks: { one: 'the task it spawned', many: 'the tasks it spawned', color: 'var(--c5)' },
  retry: { one: 'retry', many: 'retries', color: 'var(--c3)' },
  rotation: { one: 'rotation', many: 'rotations', color: 'var(--c2)' },
  handoff: { one: 'handoff', many: 'handoffs', color: 'var(--c4)' },
};
