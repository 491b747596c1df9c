/** Columns of tables, and how rows are filtered and sorted by them. */

import { money, moneyInFull } from './fmt';

/** How a column is laid out and what its cells show. A cell without `text` is drawn by the table's `cell` snippet. */
export interface Layout<Row> {
  /** Its name in the address, and the class of its cells. */
  name: string;
  title: string;
  text?: (row: Row) => string;
  /** The title of a cell: the number in full, say. */
  hint?: (row: Row) => string | undefined;
  /** A swatch ahead of the text, square or round. */
  color?: (row: Row) => string | undefined;
  round?: boolean;
  /** Whether a cell asks for attention. */
  warn?: (row: Row) => boolean;
  /** Drawn like the first column, for the numbers that matter. */
  strong?: boolean;
  /** A CSS width; a column without one takes the remaining room. */
  width?: string;
  /** The same on a phone. */
  onPhone?: string;
  /** Left out on less than 1,000 px, or on a phone. */
  hidden?: 'narrow' | 'phone';
}

/** A column that is sorted, filtered and saved. */
export interface Column<Row> extends Layout<Row> {
  /** The value that the column is sorted, filtered and saved by; undefined where it is not known. */
  value: (row: Row) => number | string | undefined;
  right?: boolean;
  /** The unit of the value. Files have money in dollars and moments (`at`) as ISO 8601. */
  unit?: 'nanousd' | 'ms' | '%' | 'at';
  /** Whether a first click sorts it by the largest first. */
  largestFirst?: boolean;
}

/** Numbers stand at the right, and the largest come first. */
export const NUMERIC = { right: true, largestFirst: true } as const;

/** A column of nano-dollars. */
export function moneyColumn<Row>(
  column: Pick<Column<Row>, 'name' | 'title'> & Partial<Layout<Row>> & { value: (row: Row) => number | undefined },
): Column<Row> {
  return { ...NUMERIC, unit: 'nanousd', text: (row) => money(column.value(row)), hint: (row) => moneyInFull(column.value(row)), ...column };
}

export interface Order {
  name: string;
  descending: boolean;
}

/** Read an order such as `cost` or, descending, `-cost`; undefined for an unknown column. */
export function orderOf<Row>(param: string | undefined, columns: readonly Column<Row>[]): Order | undefined {
  const name = param?.replace(/^-/, '');
  return name && columns.some((c) => c.name === name) ? { name, descending: param?.startsWith('-') ?? false } : undefined;
}

/** The order after a click on a column's heading: first its own way, then the other way, then none. */
export function nextOrder<Row>(order: Order | undefined, column: Column<Row>): string | undefined {
  const ways = column.largestFirst ? [`-${column.name}`, column.name] : [column.name, `-${column.name}`];
  const now = order?.name === column.name ? `${order.descending ? '-' : ''}${column.name}` : undefined;
  return now === undefined ? ways[0] : ways[ways.indexOf(now) + 1];
}

/** Rows sorted by the value of a column; unknown values come last in both ways. */
export function sorted<Row>(rows: readonly Row[], columns: readonly Column<Row>[], order: Order | undefined): readonly Row[] {
  const column = columns.find((c) => c.name === order?.name);
  if (column === undefined || order === undefined) return rows;
  const sign = order.descending ? -1 : 1;
  return rows
    .map((row) => ({ row, value: column.value(row) }))
    .sort((a, b) => {
      if (a.value === undefined || b.value === undefined) return Number(a.value === undefined) - Number(b.value === undefined);
      if (typeof a.value === 'number' && typeof b.value === 'number') return sign * (a.value - b.value);
      return sign * String(a.value).localeCompare(String(b.value), 'en', { numeric: true });
    })
    .map(({ row }) => row);
}

/** Rows that contain every word of the filter, in any column of text and in any case. */
export function filtered<Row>(rows: readonly Row[], columns: readonly Column<Row>[], filter: string): readonly Row[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    // Numbers are left out, because a filter for 2 does not mean a cost of $0.42.
    const content = columns.map((c) => c.value(row)).filter((value) => typeof value === 'string').join('\n').toLowerCase();
    return words.every((word) => content.includes(word));
  });
}
