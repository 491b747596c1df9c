import { describe, expect, test } from 'vitest';
import { age, contextLeft, count, counted, date, dateRange, dollars, duration, money, moneyAxis, moneyInFull, percent, rate, roughDuration, share, shortId, timeOfDay } from './fmt';

const S = 1000;
const MIN = 60 * S;
const H = 60 * MIN;
const D = 24 * H;

/** [given, written] */
type Table = [number, string][];

describe('money', () => {
  test.each<[number, string]>([
    [0, '$0'],
    [0.0000004, '<$0.000001'],
    [0.000042, '$0.000042'],
    [0.0042, '$0.0042'],
    [0.004, '$0.004'],
    [0.00994, '$0.0099'],
    [0.00996, '$0.01'],
    [0.42, '$0.42'],
    [1, '$1.00'],
    [12.34, '$12.34'],
    [99.99, '$99.99'],
    [99.996, '$100'],
    [160.4, '$160'],
    [999.6, '$1,000'],
    [1786, '$1,786'],
    [9999.6, '$10.0K'],
    [22_584, '$22.6K'],
    [999_600, '$1.00M'],
    [1_234_567, '$1.23M'],
    [-0.42, '-$0.42'],
    [NaN, '–'],
  ])('%d dollars are %s', (usd, written) => {
    expect(dollars(usd)).toBe(written);
  });

  test('comes in nano-dollars', () => {
    expect(money(12_340_000_000)).toBe('$12.34');
    expect(moneyInFull(12_345_678_901)).toBe('$12.345678901');
    expect(moneyInFull(-1_000_000_000_000)).toBe('-$1,000');
  });

  test('has one precision on an axis', () => {
    expect(moneyAxis([0, 5e9, 10e9])).toEqual(['$0', '$5', '$10']);
    expect(moneyAxis([0, 0.5e9, 1.5e9])).toEqual(['$0.00', '$0.50', '$1.50']);
    expect(moneyAxis([0, 1e9, 2e9])).toEqual(['$0', '$1', '$2']);
    expect(moneyAxis([0, 0.01e9, 0.04e9])).toEqual(['$0.000', '$0.010', '$0.040']);
    expect(moneyAxis([0, 20_000e9])).toEqual(['$0.0K', '$20.0K']);
    expect(moneyAxis([0, 0])).toEqual(['$0', '$0']);
  });
});

describe('counts and rates', () => {
  const counts: Table = [
    [0, '0'],
    [7, '7'],
    [999, '999'],
    [1000, '1.00K'],
    [8342, '8.34K'],
    [54_210, '54.2K'],
    [999_499, '999K'],
    [999_500, '1.00M'],
    [14_500_000, '14.5M'],
    [2_000_000_000, '2.00B'],
    [-8342, '-8.34K'],
    [NaN, '–'],
  ];
  test.each(counts)('%d is %s', (n, written) => {
    expect(count(n)).toBe(written);
  });

  const rates: Table = [
    [0, '0'],
    [0.001, '0.001'],
    [0.42, '0.42'],
    [9.994, '9.99'],
    [9.996, '10.0'],
    [21.66, '21.7'],
    [99.96, '100'],
    [460.4, '460'],
    [8342, '8.34K'],
    [Infinity, '–'],
  ];
  test.each(rates)('a rate of %d is %s', (n, written) => {
    expect(rate(n)).toBe(written);
  });

  test('a count agrees with its noun', () => {
    expect([counted(0, 'session'), counted(1, 'session'), counted(8342, 'session')]).toEqual(['0 sessions', '1 session', '8.34K sessions']);
  });
});

describe('times', () => {
  const durations: Table = [
    [0, '0 ms'],
    [47, '47 ms'],
    [999.4, '999 ms'],
    [999.6, '1.00 s'],
    [3480, '3.48 s'],
    [24_200, '24.2 s'],
    [59_960, '1m 00s'],
    [13 * MIN + 28 * S, '13m 28s'],
    [6 * MIN + 4 * S, '6m 04s'],
    [2 * H + 5 * MIN, '2h 05m'],
    [47 * H, '47h 00m'],
    [76 * H, '3d 04h'],
    [-3480, '-3.48 s'],
    [NaN, '–'],
  ];
  test.each(durations)('%d ms are %s', (ms, written) => {
    expect(duration(ms)).toBe(written);
  });

  const ages: Table = [
    [-5 * MIN, 'now'],
    [0, 'now'],
    [4999, 'now'],
    [5000, '5 s ago'],
    [29 * S, '29 s ago'],
    [59_999, '59 s ago'],
    [5 * MIN, '5 min ago'],
    [3 * H, '3 h ago'],
    [30 * H, '30 h ago'],
    [2 * D, '2 d ago'],
    [280 * D, '280 d ago'],
    [NaN, '–'],
  ];
  test.each(ages)('an age of %d ms is %s', (ms, written) => {
    expect(age(ms)).toBe(written);
  });

  test('a span has one unit', () => {
    expect([24 * S, 5 * MIN, -1].map(roughDuration)).toEqual(['24 s', '5 min', '0 s']);
  });

  test('moments are in the zone of the viewer, 24 h', () => {
    const at = Date.parse('2026-02-16T23:04:00Z');
    expect([timeOfDay(at, 'UTC'), date(at, 'UTC', 2026)]).toEqual(['23:04', '16 Feb']);
    expect([timeOfDay(at, 'Asia/Tokyo'), date(at, 'Asia/Tokyo', 2027)]).toEqual(['08:04', '17 Feb 2026']);
    expect(timeOfDay(Date.parse('2026-02-16T00:00:00Z'), 'UTC')).toBe('00:00');
  });

  test.each([
    ['2026-02-16', '2026-02-16', '16 Feb'],
    ['2026-02-16', '2026-02-22', '16–22 Feb'],
    ['2026-02-26', '2026-03-04', '26 Feb – 4 Mar'],
    ['2025-02-16', '2025-02-22', '16–22 Feb 2025'],
    ['2025-12-30', '2026-01-02', '30 Dec 2025 – 2 Jan 2026'],
  ])('the days from %s to %s are %s', (first, last, written) => {
    expect(dateRange(first, last, 2026)).toBe(written);
  });
});

describe('parts', () => {
  const percentages: Table = [
    [0, '0%'],
    [0.0002, '<0.1%'],
    [0.017, '1.7%'],
    [0.0994, '9.9%'],
    [0.0996, '10%'],
    [0.481, '48%'],
    [1, '100%'],
    [NaN, '–'],
  ];
  test.each(percentages)('%d of one is %s', (part, written) => {
    expect(percent(part)).toBe(written);
  });

  const shares: Table = [
    [0, '0%'],
    [0.001, '<1%'],
    [0.017, '2%'],
    [0.481, '48%'],
    [0.997, '>99%'],
    [1, '100%'],
  ];
  test.each(shares)('a share of %d is %s', (part, written) => {
    expect(share(part)).toBe(written);
  });

  test('context below a threshold never reads as the threshold', () => {
    expect([34.99, 35, 0.6, 100].map(contextLeft)).toEqual(['34%', '35%', '0%', '100%']);
  });
});

test('an id is shortened where ids are alike, never where they differ', () => {
  expect(shortId('T-881')).toBe('T-881');
  expect(shortId('8ef64fdd-df8c-41f2-ac32-d9471671f062')).toBe('8ef64fdd-df8…f2-ac32-d9471671f062');
  expect(shortId('8ef64fdd-df8c-41f2-ac32-d9471671f062-787a2e23.a7800de')).toBe('8ef64fdd…787a2e23.a7800de');
  expect(shortId('nightly-import-of-the-whole-catalogue-2026-02-16')).toBe('nightly-impo…catalogue-2026-02-16');
});
