import { expect, test } from 'vitest';
import { treemap } from './treemap';

const box = { x: 0, y: 0, width: 600, height: 400 };

test('areas are as the values, fill the box and do not overlap', () => {
  const values = [60, 60, 40, 30, 20, 10, 0.5];
  const placed = treemap(values, (n) => n, box);
  const sum = values.reduce((a, b) => a + b, 0);
  for (const { part, x, y, width, height } of placed) {
    expect(width * height).toBeCloseTo((part / sum) * 240_000, 3);
    expect(x >= -1e-6 && y >= -1e-6 && x + width <= 600 + 1e-6 && y + height <= 400 + 1e-6).toBe(true);
  }
  for (const [i, a] of placed.entries()) {
    for (const b of placed.slice(i + 1)) {
      const [w, h] = [Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x), Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y)];
      expect(w > 1e-6 && h > 1e-6).toBe(false);
    }
  }
});

test('what is nothing has no area, and of nothing there is no map', () => {
  expect(treemap([5, 0, -1], (n) => n, box)).toHaveLength(1);
  expect(treemap([], (n: number) => n, box)).toEqual([]);
  expect(treemap([0], (n) => n, box)).toEqual([]);
});
