import { describe, expect, test } from 'vitest';
import golden from '../../../../tests/golden/sketch.json';
import { buckets, bucketValue, quantile } from './sketch';

describe('sketches are read as the schema writes them', () => {
  test.each(golden.values)('the bucket of $value stands for the same value', ({ value, bucket, stands_for }) => {
    expect(bucketValue(bucket)).toBeCloseTo(stands_for, 6);
    expect(Math.abs(bucketValue(bucket) - value)).toBeLessThanOrEqual(golden.relative_error * value * 1.0001);
  });

  test.each(golden.samples)('quantiles of $name', ({ counters, quantiles }) => {
    const histogram = buckets(counters as unknown as Record<string, number>, 'duration_ms');
    for (const { q, value } of quantiles) {
      const read = quantile(histogram, q);
      if (value === null) expect(read).toBeUndefined();
      else expect(Math.abs((read ?? NaN) - value)).toBeLessThanOrEqual(1e-9 * value);
    }
  });
});
