import { describe, expect, test } from 'vitest';
import { ticks, timeTicks } from './axis';

describe('an axis', () => {
  test.each<[number, number[]]>([
    [100, [0, 25, 50, 75, 100]],
    [1, [0, 0.25, 0.5, 0.75, 1]],
    [7, [0, 2, 4, 6, 8]],
    [0.003, [0, 0.001, 0.002, 0.003]],
    [1786, [0, 500, 1000, 1500, 2000]],
    [0, [0]],
    [NaN, [0]],
    [Infinity, [0]],
  ])('up to %d has lines at %o', (largest, lines) => {
    expect(ticks(largest)).toEqual(lines);
  });

  test.each<[number, number[]]>([
    [1, [0, 1]],
    [2, [0, 1, 2]],
    [9, [0, 5, 10]],
    [100, [0, 25, 50, 75, 100]],
  ])('of whole things up to %d has lines at %o', (largest, lines) => {
    expect(ticks(largest, 4, true)).toEqual(lines);
  });

  test('reaches its largest value with few lines, whatever that is', () => {
    for (let largest = 1e-9; largest < 1e15; largest *= 1.37) {
      const lines = ticks(largest);
      expect(lines.at(-1)).toBeGreaterThanOrEqual(largest * 0.999999);
      expect(lines.length).toBeLessThanOrEqual(6);
    }
  });
});

describe('a time axis', () => {
  test('has whole hours, whole days, and never too many', () => {
    const from = new Date(2026, 1, 16, 18, 20).getTime();
    const day = timeTicks(from, from + 24 * 3_600_000, 6);
    expect(day.map(({ at }) => new Date(at).getHours())).toEqual([0, 6, 12, 18].sort((a, b) => ((a + 5) % 24) - ((b + 5) % 24)));
    expect(day.filter((t) => t.daily)).toHaveLength(1);
    const weeks = timeTicks(from, from + 84 * 86_400_000, 7);
    expect(weeks.length).toBeLessThanOrEqual(7);
    expect(weeks.every(({ at }) => new Date(at).getHours() === 0)).toBe(true);
  });

  test('of no time at all is empty', () => {
    expect(timeTicks(5, 5, 6)).toEqual([]);
    expect(timeTicks(NaN, NaN, 6)).toEqual([]);
  });
});
