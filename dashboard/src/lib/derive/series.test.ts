import { describe, expect, test } from 'vitest';
import { growth, ratio, ring, slope } from './series';

const MIN = 60_000;
const HOUR = 60 * MIN;

describe('rings', () => {
  test('become points in time; broken and lonely entries are left out', () => {
    expect(ring({ at_ms: [1, 2, NaN, 4], queue_depth: [5, NaN, 7, 8] }, 'queue_depth')).toEqual([
      { x: 1, y: 5 },
      { x: 4, y: 8 },
    ]);
    expect(ring({ at_ms: [1, 2, 3], young: [8, 9] }, 'young')).toEqual([
      { x: 2, y: 8 },
      { x: 3, y: 9 },
    ]);
    expect(ring({ queue_depth: [5] }, 'queue_depth')).toEqual([]);
    expect(ring({}, 'queue_depth')).toEqual([]);
  });

  test('growth is per second over five minutes, over less at the beginning, and never below zero', () => {
    const totals = [0, 60, 120, 600, 600, 600, 600, 540].map((y, i) => ({ x: i * MIN, y }));
    expect(growth(totals).map((p) => p.y)).toEqual([1, 1, 600 / 180, 2.5, 2, 540 / 300, 420 / 300]);
    expect(growth([{ x: 0, y: 5 }])).toEqual([]);
    expect(growth([{ x: 0, y: 5 }, { x: 20_000, y: 500 }])).toEqual([]);
  });

  test('growth does not reach across an hour in which nothing was recorded', () => {
    expect(growth([{ x: 0, y: 5 }, { x: HOUR, y: 10 }])).toEqual([]);
  });

  test('a ratio is of what grew, and there is none where nothing did', () => {
    const calls = [0, 100, 100, 200].map((y, i) => ({ x: i * 10 * MIN, y }));
    expect(ratio(calls, calls)).toEqual([]);
    const close = [0, 100, 200].map((y, i) => ({ x: i * MIN, y }));
    const errors = [0, 1, 4].map((y, i) => ({ x: i * MIN, y }));
    expect(ratio(errors, close).map((p) => p.y)).toEqual([0.01, 0.02]);
  });
});

test('a queue grows by so many a minute, or shrinks', () => {
  const depth = [50, 40, 30, 30, 35, 45].map((y, i) => ({ x: i * MIN, y }));
  expect(slope(depth)).toBe(-1);
  expect(slope(depth.slice(0, 1))).toBeUndefined();
});
