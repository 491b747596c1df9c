import { describe, expect, test } from 'vitest';
import golden from '../../../../tests/golden/thresholds.json';
import { readRotation } from '../documents/fleet';
import { readSession } from '../documents/session';
import { rotateAt } from './thresholds';

/** tests/golden/write_thresholds.py writes the file from tests/cases/thresholds.yaml and the schema's answers. */
describe('the mark on a context bar is where the functions rotate the session', () => {
  test.each(golden)('$name', ({ session, policy, learned_pct, rotate_pct }) => {
    const { task_type = '', model = '' } = session as { task_type?: string; model?: string };
    const learned = learned_pct === null ? [] : [{ type: task_type, model, rotateBelowPct: learned_pct }];
    const others = [{ type: task_type, model: 'another', rotateBelowPct: 59 }];
    expect(rotateAt(readSession('s', session), readRotation(policy), [...others, ...learned]).pct).toBe(rotate_pct);
  });
});

test('a threshold says whose it is', () => {
  const session = readSession('s', { task_type: 'build', model: 'm', context_window_tokens: 1_000_000 });
  const by = (policy: Record<string, unknown>, learnedPct?: number) => rotateAt(session, readRotation(policy), learnedPct === undefined ? [] : [{ type: 'build', model: 'm', rotateBelowPct: learnedPct }]).by;
  expect(by({})).toBe('of the fleet');
  expect(by({ by_model: { m: 30 } })).toBe('set for m');
  expect(by({ by_task_type: { build: 30 } }, 48)).toBe('set for build');
  expect(by({ by_task_type: { build: 30 }, policy: 'learned' }, 48)).toBe('learned for build on m');
  expect(by({ by_task_type: { 'build|m': 30 }, policy: 'learned' }, 48)).toBe('set for build on m');
  expect(by({ max_used_tokens: 250_000 })).toBe('its cap of 250,000 tokens');
});
