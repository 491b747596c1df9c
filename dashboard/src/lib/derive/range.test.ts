import { describe, expect, test } from 'vitest';
import { readRollup } from '../documents/rollup';
import { periodOf, rangeOf, startOf, timeframeOf } from './range';

const NOW = Date.parse('2026-02-16T18:20:00Z');
const rollup = (period: string) => readRollup('', { period, c: { fleet: { cost_nanousd: 1 } } });

describe('a range', () => {
  test.each([
    ['7d', { grain: 'day', n: 7, last: undefined }],
    ['2026-02-16..2026-02-17', { grain: 'hour', n: 48, last: '2026-02-17T23' }],
    ['2026-02-16..2026-02-22', { grain: 'day', n: 7, last: '2026-02-22' }],
    ['2025-11-01..2026-02-22', { grain: 'week', n: 17, last: '2026-W08' }],
    ['2020-01-01..2026-02-22', { grain: 'week', n: 60, last: '2026-W08' }],
  ])('%s is %o', (id, range) => {
    expect(rangeOf(id)).toEqual({ id, ...range });
  });

  test.each([undefined, '', '3d', 'x..y', '2026-02-17..2026-02-16', '2026-99-99..2026-99-99'])('that cannot be read (%s) is the default', (id) => {
    expect(rangeOf(id)).toEqual({ id: '24h', grain: 'hour', n: 24, last: undefined });
  });
});

describe('a period', () => {
  test.each([
    ['2026-02-16T18:20:00Z', '2026-02-16T18', '2026-02-16', '2026-W08'],
    ['2025-12-29T00:00:00Z', '2025-12-29T00', '2025-12-29', '2026-W01'],
    ['2027-01-03T23:59:59Z', '2027-01-03T23', '2027-01-03', '2026-W53'],
  ])('%s is in %s, %s and %s', (at, hour, day, week) => {
    const ms = Date.parse(at);
    expect([periodOf('hour', ms), periodOf('day', ms), periodOf('week', ms)]).toEqual([hour, day, week]);
  });

  test('begins where it was asked for', () => {
    for (let ms = Date.parse('2024-12-20T00:00:00Z'); ms < Date.parse('2027-01-10T00:00:00Z'); ms += 86_400_000) {
      const week = startOf('week', periodOf('week', ms)) as number;
      expect(week).toBeLessThanOrEqual(ms);
      expect(ms - week).toBeLessThan(7 * 86_400_000);
      expect(startOf('day', periodOf('day', ms))).toBe(ms);
    }
    expect(startOf('day', 'soon')).toBeUndefined();
    expect(startOf('week', '2026-02-16')).toBeUndefined();
  });
});

describe('a timeframe', () => {
  test('ends now, and has slots in which nothing was counted', () => {
    const timeframe = timeframeOf(rangeOf('24h'), [rollup('2026-02-16T17'), rollup('2026-02-15T20'), rollup('2026-02-15T18')], NOW);
    expect(timeframe.past).toBe(false);
    expect(timeframe.slots).toHaveLength(24);
    expect(timeframe.slots.at(-1)).toMatchObject({ period: '2026-02-16T18', rollup: undefined });
    expect(timeframe.rollups.map((r) => r.period)).toEqual(['2026-02-15T20', '2026-02-16T17']);
  });

  test('ends with the newest work where there is none since, as after a replay', () => {
    const timeframe = timeframeOf(rangeOf('7d'), [rollup('2025-11-03'), rollup('2025-11-01')], NOW);
    expect(timeframe.past).toBe(true);
    expect(timeframe.rollups.map((r) => r.period)).toEqual(['2025-11-01', '2025-11-03']);
  });

  test('of given days stays there', () => {
    const timeframe = timeframeOf(rangeOf('2026-02-09..2026-02-15'), [rollup('2026-02-16'), rollup('2026-02-12')], NOW);
    expect(timeframe.past).toBe(false);
    expect(timeframe.slots.map((s) => s.period)).toEqual([9, 10, 11, 12, 13, 14, 15].map((d) => `2026-02-${String(d).padStart(2, '0')}`));
    expect(timeframe.rollups.map((r) => r.period)).toEqual(['2026-02-12']);
  });

  test('of nothing is empty, not broken', () => {
    expect(timeframeOf(rangeOf('12w'), [], NOW)).toMatchObject({ past: false, rollups: [] });
    expect(timeframeOf(rangeOf('7d'), [rollup('garbage')], NOW)).toMatchObject({ past: false, rollups: [] });
    expect(timeframeOf(rangeOf('7d'), [rollup('garbage'), rollup('2025-11-03')], NOW)).toMatchObject({ past: true });
  });
});
