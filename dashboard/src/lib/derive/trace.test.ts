import { describe, expect, test } from 'vitest';
import { readBatch, type Batch } from '../documents/batch';
import { ancestors, foldedFrom, lanes, nextError, openingDepth, unfolded } from './folding';
import { assemble } from './trace';

interface SpanCase {
  id: string;
  parent?: number;
  start: number;
  took: number;
  tokens?: number;
  cost?: number;
  agent?: string;
}

function batch(began: number, spans: readonly SpanCase[], more: Record<string, unknown> = {}): Batch {
  return readBatch('b', {
    began_us: began,
    span_id: spans.map((s) => s.id),
    parent: spans.map((s) => s.parent ?? -1),
    name: spans.map((s) => s.id),
    kind: spans.map(() => 'llm'),
    model: spans.map(() => ''),
    task_id: spans.map(() => 'T'),
    agent_id: spans.map((s) => s.agent ?? ''),
    start_us: spans.map((s) => s.start),
    duration_us: spans.map((s) => s.took),
    tokens_in: spans.map((s) => s.tokens ?? 0),
    tokens_out: spans.map(() => 1),
    cost_nanousd: spans.map((s) => s.cost ?? 0),
    keptBecause: 'error',
    ...more,
  });
}

const one = batch(1000, [
  { id: 'root', start: 0, took: 100 },
  { id: 'a', parent: 0, start: 10, took: 40, agent: 'ada' },
  { id: 'a1', parent: 1, start: 12, took: 8, tokens: 30, cost: 5 },
  { id: 'b', parent: 0, start: 5, took: 90, agent: 'bob' },
]);
const two = batch(1020, [{ id: 'b1', start: 0, took: 60, tokens: 7, cost: 2 }], { parents: { 0: 'b' }, errors: { 0: 'timeout' } });

describe('a trace', () => {
  test('is put together from batches in any order, children by their start below their parents', () => {
    for (const batches of [[one, two], [two, one]]) {
      const trace = assemble(batches);
      expect(trace.names).toEqual(['root', 'b', 'b1', 'a', 'a1']);
      expect([...trace.depth]).toEqual([0, 1, 2, 1, 2]);
      expect([...trace.start]).toEqual([0, 5, 20, 10, 12]);
      expect([...trace.subtreeEnd]).toEqual([5, 3, 3, 5, 5]);
      expect(trace.spanUs).toBe(100);
    }
  });

  test('adds up what is below each span', () => {
    const { sums } = assemble([one, two]);
    expect([...sums.spans]).toEqual([5, 2, 1, 2, 1]);
    expect([...sums.nanousd]).toEqual([7, 2, 2, 5, 5]);
    expect([...sums.tokens]).toEqual([42, 9, 8, 32, 31]);
    expect([...sums.errors]).toEqual([1, 1, 1, 0, 0]);
  });

  test('shows what is told twice once, and a span whose parent was not kept at the top', () => {
    const lost = batch(1050, [{ id: 'lost', start: 0, took: 1 }], { parents: { 0: 'nowhere' } });
    const trace = assemble([one, one, lost]);
    expect(trace.names).toEqual(['root', 'b', 'a', 'a1', 'lost']);
    expect([...trace.depth]).toEqual([0, 1, 1, 2, 0]);
  });

  test('loses no span to parents that go round in a circle', () => {
    const round = batch(0, [{ id: 'x', start: 0, took: 1 }, { id: 'y', parent: 0, start: 0, took: 1 }], { parents: { 0: 'y' } });
    expect(assemble([round]).names).toHaveLength(2);
  });

  test('of a broken batch has no spans of it', () => {
    expect(assemble([batch(0, [{ id: 'x', start: 0, took: 1 }], { name: [] })]).n).toBe(0);
    expect(assemble([readBatch('b', {})]).n).toBe(0);
  });

  test('folds up to its branches, and unfolds what is looked for', () => {
    const trace = assemble([one, two]);
    expect(foldedFrom(trace, 1)).toEqual(new Set([1, 3]));
    expect([...unfolded(trace, foldedFrom(trace, 1))]).toEqual([0, 1, 3]);
    expect([...unfolded(trace, new Set())]).toEqual([0, 1, 2, 3, 4]);
    expect(ancestors(trace, 4)).toEqual([3, 0]);
    expect([openingDepth(trace, 100), openingDepth(trace, 3), openingDepth(trace, 1)]).toEqual([3, 1, 1]);
  });

  test('leads from error to error, round and round', () => {
    const trace = assemble([one, two]);
    expect([nextError(trace, 0), nextError(trace, 2), nextError(trace, -1)]).toEqual([2, 2, 2]);
    expect(nextError(assemble([one]), 0)).toBeUndefined();
  });

  test('has a lane for each agent, what names none in its parent’s', () => {
    expect(lanes(assemble([one, two]), 8)).toEqual({ of: Int32Array.from([0, 0, 0, 1, 1]), names: ['bob', 'ada'] });
    expect(lanes(assemble([two]), 8).names).toEqual(['depth 0']);
  });
});
