import { describe, expect, test } from 'vitest';
import { filtered, nextOrder, orderOf, sorted, type Column } from './table';

type Row = [string, number | undefined];
const columns: Column<Row>[] = [
  { name: 'name', title: 'Name', value: ([name]) => name },
  { name: 'cost', title: 'Cost', value: ([, cost]) => cost, largestFirst: true },
];
const rows: Row[] = [
  ['b-10', 3],
  ['a', undefined],
  ['b-9', 12],
];
const names = (shown: readonly Row[]) => shown.map(([name]) => name);

describe('a table', () => {
  test('is sorted by numbers as numbers, and by names with the numbers in them', () => {
    expect(names(sorted(rows, columns, orderOf('cost', columns)))).toEqual(['b-10', 'b-9', 'a']);
    expect(names(sorted(rows, columns, orderOf('-cost', columns)))).toEqual(['b-9', 'b-10', 'a']);
    expect(names(sorted(rows, columns, orderOf('name', columns)))).toEqual(['a', 'b-9', 'b-10']);
  });

  test('stays as it was given where the address says no order, or one that there is not', () => {
    expect(orderOf('-colour', columns)).toBeUndefined();
    expect(sorted(rows, columns, orderOf(undefined, columns))).toBe(rows);
  });

  test('a click on a heading goes from its first order to the other, and to none', () => {
    const [name, cost] = columns as [Column<Row>, Column<Row>];
    expect([undefined, '-cost', 'cost', 'name'].map((order) => nextOrder(orderOf(order, columns), cost))).toEqual(['-cost', 'cost', undefined, '-cost']);
    expect(nextOrder(undefined, name)).toBe('name');
  });

  test('is filtered by all words of the filter, in any column', () => {
    expect(names(filtered(rows, columns, 'B 1'))).toEqual(['b-10']);
    expect(names(filtered(rows, columns, '  '))).toHaveLength(3);
    expect(names(filtered(rows, columns, 'undefined'))).toEqual([]);
    expect(names(filtered(rows, columns, '12'))).toEqual([]);
  });
});
