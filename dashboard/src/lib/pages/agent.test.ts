import { describe, expect, test } from 'vitest';
import { rangeOf, timeframeOf } from '../derive/range';
import { readBaseline } from '../documents/baseline';
import { readRollup } from '../documents/rollup';
import { readSession } from '../documents/session';
import { readTask } from '../documents/task';
import type { Fields } from '../documents/values';
import { chain, cliffOf, contextLines, current, inputToOutput, tokenSeries, toolUse } from './agent';

const session = (id: string, fields: Fields) => readSession(id, fields);
const at = (time: string) => `2026-02-16T${time}:00Z`;

describe('an agent’s windows', () => {
  const first = session('a', { state: 'completed', end_reason: 'rotated', started_at: at('08:00'), ended_at: at('09:00'), context_remaining_pct: 33 });
  const second = session('b', { state: 'active', predecessor_session_id: 'a', started_at: at('09:01'), last_seen_at: at('09:30'), context_remaining_pct: 80 });

  test('are a chain with the gaps between them, the newest first', () => {
    const links = chain([first, second]);
    expect(links.map((l) => [l.session.id, l.gapMs])).toEqual([['b', 60_000], ['a', undefined]]);
    expect(chain([first, session('b', { predecessor_session_id: 'a', started_at: at('09:01'), handoff_ms: 12_000 })])[0]?.gapMs).toBe(12_000);
    expect(chain([session('b', { predecessor_session_id: 'gone', started_at: at('09:01') })])[0]?.gapMs).toBeUndefined();
  });

  test('the one at work is the open one', () => {
    expect(current([first, second])?.id).toBe('b');
    expect(current([first])?.id).toBe('a');
    expect(current([])).toBeUndefined();
  });

  test('begin with all of their context free, and remember how it filled', () => {
    const remembering = session('c', { ...{ started_at: at('10:00'), last_seen_at: at('10:20'), context_remaining_pct: 50 }, context_history: `${Date.parse(at('10:10')) / 1000}:70 soon:60 1:400 x1:2 7` });
    const [line] = contextLines([remembering], new Map([['c', [{ x: Date.parse(at('10:15')), y: 60 }]]]));
    expect(line?.points.map((p) => p.y)).toEqual([100, 70, 60, 50]);
    expect(contextLines([second, first], new Map()).map((l) => l.session.id)).toEqual(['a', 'b']);
  });
});

test('the cliff is that of the same type and model, else of the model', () => {
  const baseline = (type: string, model: string, pct?: number) => readBaseline('', { task_type: type, model, rotate_below_pct: pct });
  const baselines = [baseline('docs', 'm', 30), baseline('fix', 'm', 40), baseline('fix', 'other', 50), baseline('test', 'm')];
  expect(cliffOf(session('s', { model: 'm', task_type: 'fix' }), [], baselines)?.rotateBelowPct).toBe(40);
  expect(cliffOf(session('s', { model: 'm', task_id: 't' }), [readTask('t', { task_type: 'fix' })], baselines)?.rotateBelowPct).toBe(40);
  expect(cliffOf(session('s', { model: 'm', task_type: 'test' }), [], baselines)?.rotateBelowPct).toBe(30);
  expect(cliffOf(session('s', { model: 'unknown' }), [], baselines)).toBeUndefined();
});

test('tokens are drawn where the agent was counted, and the ratio where there was output', () => {
  const rollups = [
    readRollup('', { period: '2026-02-16T17', c: { 'agent:a': { tokens_in: 10, cache_read_tokens: 30, tokens_out: 4 } } }),
    readRollup('', { period: '2026-02-16T16', c: { 'agent:b': { tokens_in: 10 } } }),
    readRollup('', { period: '2026-02-16T15', c: { 'agent:a': { tokens_in: 10 } } }),
  ];
  const timeframe = timeframeOf(rangeOf('24h'), rollups, Date.parse('2026-02-16T18:20:00Z'));
  expect(tokenSeries(timeframe, 'agent:a').map((s) => s.points.map((p) => p.y))).toEqual([[10, 10], [0, 0], [0, 30], [0, 4]]);
  expect(inputToOutput(timeframe, 'agent:a').map((p) => p.y)).toEqual([10]);
});

test('the uses of a tool are added up over tasks, and the mean is over calls with a duration', () => {
  const use = toolUse([readTask('1', { tools: { grep: { calls: 3, errors: 1, duration_ms: 30 } } }), readTask('2', { tools: { grep: { calls: 1 }, ls: { calls: 0 } } })]);
  expect(use).toEqual([
    { tool: 'grep', calls: 4, errors: 1, success: 0.75, meanMs: 10 },
    { tool: 'ls', calls: 0, errors: 0, success: undefined, meanMs: undefined },
  ]);
});
