/** What a table's columns are, and how its rows are filtered and sorted: pure. */

export interface Column<Row> {
  /** As the address has it. */
  name: string;
  title: string;
  /** What the column is sorted by, filtered by and written into files as; undefined where it is not known. */
  value: (row: Row) => number | string | undefined;
  /** How it is written where no snippet draws it. */
  text?: (row: Row) => string;
  /** As CSS has it; without one the column takes what is left. */
  width?: string;
  /** The same on a phone. */
  onPhone?: string;
  right?: boolean;
  /** Left out on less than 1,000 px, or on a phone. */
  hidden?: 'narrow' | 'phone';
  /** What the value is counted in, as files say it: money in dollars, moments (`at`) as ISO 8601. */
  unit?: 'nanousd' | 'ms' | '%' | 'at';
  /** What a first click sorts it by: the largest first, say. */
  largestFirst?: boolean;
}

export interface Order {
  name: string;
  descending: boolean;
}

/** Read an order such as `cost` or, descending, `-cost`; undefined for a column that there is not. */
export function orderOf<Row>(said: string | undefined, columns: readonly Column<Row>[]): Order | undefined {
  const name = said?.replace(/^-/, '');
  return name && columns.some((c) => c.name === name) ? { name, descending: said?.startsWith('-') ?? false } : undefined;
}

/** What a click on a column's heading makes of the order: its own first way, the other way, none. */
export function nextOrder<Row>(order: Order | undefined, column: Column<Row>): string | undefined {
  const ways = column.largestFirst ? [`-${column.name}`, column.name] : [column.name, `-${column.name}`];
  const now = order?.name === column.name ? `${order.descending ? '-' : ''}${column.name}` : undefined;
  return now === undefined ? ways[0] : ways[ways.indexOf(now) + 1];
}

/** Rows by the value of a column; what is not known comes last, whichever way. */
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

/** Rows in which every word of the filter is found, in any column of words, whatever the case. */
export function filtered<Row>(rows: readonly Row[], columns: readonly Column<Row>[], filter: string): readonly Row[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    // Not in numbers: a filter for 2 is not for whatever costs $0.42.
    const said = columns.map((c) => c.value(row)).filter((value) => typeof value === 'string').join('\n').toLowerCase();
    return words.every((word) => said.includes(word));
  });
}
