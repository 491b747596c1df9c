import { expect, test } from 'vitest';
import { moved } from './cursor';

test('arrow keys read a chart out from its end, and stop at its ends', () => {
  expect(moved('ArrowLeft', undefined, 5)).toBe(4);
  expect(moved('ArrowRight', 4, 5)).toBe(4);
  expect(moved('ArrowLeft', 0, 5)).toBe(0);
  expect([moved('Home', 3, 5), moved('End', 3, 5)]).toEqual([0, 4]);
  expect(moved('a', 3, 5)).toBeUndefined();
  expect(moved('Home', undefined, 0)).toBeUndefined();
});
