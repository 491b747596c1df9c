import { describe, expect, test } from 'vitest';
import { cells, csv, drawnCells } from './csv';
import type { Column } from './table';

describe('a table as CSV', () => {
  const columns: Column<{ a: string | undefined; b: number | undefined; c: number }>[] = [
    { name: 'a', title: 'Agent', value: (r) => r.a },
    { name: 'b', title: 'Cost', value: (r) => r.b, unit: 'nanousd' },
    { name: 'c', title: 'Seen', value: (r) => r.c, unit: 'at' },
  ];

  test('holds money in dollars to the last digit, moments as ISO 8601, and nothing where nothing is known', () => {
    const rows = cells([{ a: 'x', b: 1_000_000_001, c: 0 }, { a: undefined, b: undefined, c: NaN }], columns);
    expect(rows).toEqual([['Agent', 'Cost (USD)', 'Seen'], ['x', 1.000000001, '1970-01-01T00:00:00.000Z'], [undefined, undefined, undefined]]);
  });

  test('quotes every field, so that no comma, quote or new line of a name ends one', () => {
    expect(csv([['a,b', 'say "no"', 'two\nlines', 'plain', 3, undefined]])).toBe('"a,b","say ""no""","two\nlines","plain","3",""\r\n');
    expect(csv([['a;b', "it's", ' "', '"=1+1"']])).toBe('"a;b","it\'s"," ""","""=1+1"""\r\n');
  });

  test.each(['=1+1', '+A1', '@sum', '-cmd|x', '\tx', '\rx', '\n=1', '-1+cmd', '--1', '-.', '＝1+1', '＋1', '－x', '＠sum', '=HYPERLINK("x")'])('is no formula: %j', (name) => {
    expect(csv([[name]])).toBe(`"'${name.replaceAll('"', '""')}"\r\n`);
  });

  test('as it is drawn has amounts as numbers of dollars, the negative ones too, and names as they are', () => {
    const drawn = drawnCells([['Model', 'Hits', 'Saved'], ['opus', '3.0%', '-$0.40'], ['$5', '99%', '$1,786'], ['haiku', '–', '-$22.6K'], ['none', '–', '–']]);
    expect(drawn).toEqual([['Model', 'Hits', 'Saved (USD)'], ['opus', '3.0%', -0.4], ['$5', '99%', 1786], ['haiku', '–', -22_600], ['none', '–', '–']]);
    expect(csv(drawn).split('\r\n')[1]).toBe('"opus","3.0%","-0.4"');
  });

  test('takes no amount for a formula, but what only begins as one', () => {
    expect(csv([['-$0.40', '-$22.6K', '-$1,786']])).toBe('"-$0.40","-$22.6K","-$1,786"\r\n');
    expect(csv([['-$0.40+cmd', '-$A$1']])).toBe(`"'-$0.40+cmd","'-$A$1"\r\n`);
  });

  test('keeps negative numbers and percentages as they are', () => {
    expect(csv([['-12.5', '-3%', -4]])).toBe('"-12.5","-3%","-4"\r\n');
  });
});
