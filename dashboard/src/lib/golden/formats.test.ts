import { describe, expect, test } from 'vitest';
import golden from '../../../../tests/golden/formats.json';
import { count, dollars, duration, percent, share } from '../format/fmt';

const formats = { dollars, count, duration, percent, share };

/** tests/golden/write_formats.py writes the file from the terminal's formats. */
describe('the page writes numbers as the terminal does', () => {
  test.each(Object.entries(formats))('%s', (name, write) => {
    const cases = golden[name as keyof typeof golden] as [number, string][];
    expect(cases.map(([n]) => [n, write(n)])).toEqual(cases);
  });
});
