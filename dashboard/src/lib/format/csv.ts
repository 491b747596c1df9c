/** Tables as CSV (RFC 4180). */

import type { Column } from './table';

/** Write rows, every field in quotes. A cell that a spreadsheet would take for a formula is marked as text, because agents choose names freely. */
export function csv(rows: readonly (readonly (string | number | undefined)[])[]): string {
  return rows.map((row) => row.map(field).join(',')).join('\r\n') + '\r\n';
}

/** The headings and cells of a table: numbers in full, money in dollars, moments in ISO 8601; unknown values are empty. */
export function cells<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): (string | number | undefined)[][] {
  const title = (c: Column<Row>) => (c.unit && c.unit !== 'at' ? `${c.title} (${c.unit === 'nanousd' ? 'USD' : c.unit})` : c.title);
  return [columns.map(title), ...rows.map((row) => columns.map((c) => written(c, c.value(row))))];
}

function written<Row>({ unit }: Column<Row>, value: number | string | undefined): number | string | undefined {
  if (typeof value !== 'number') return value;
  if (!Number.isFinite(value)) return undefined;
  if (unit === 'nanousd') return Number((value / 1e9).toFixed(9));
  return unit === 'at' ? new Date(value).toISOString() : value;
}

/** An amount as `money` writes it: -$0.40, $1,786, $22.6K. */
const AMOUNT = /^(-?)\$(\d{1,3}(?:,\d{3})*|\d+)(\.\d+)?([KMBT]?)$/;
const THOUSANDS = ['', 'K', 'M', 'B', 'T'];

/** The cells of a table as they are drawn, headings first: amounts become numbers of dollars, except in the first column, which names the rows. */
export function drawnCells(rows: readonly (readonly string[])[]): (string | number)[][] {
  const [head = [], ...body] = rows;
  const numbers = body.map((row) => row.map((text, i) => (i === 0 ? text : amountOf(text))));
  const isMoney = (i: number) => numbers.some((row) => typeof row[i] === 'number');
  return [head.map((title, i) => (isMoney(i) ? `${title} (USD)` : title)), ...numbers];
}

function amountOf(text: string): string | number {
  const [, sign, whole, part = '', unit = ''] = AMOUNT.exec(text) ?? [];
  if (whole === undefined) return text;
  return Number(`${sign}${whole.replaceAll(',', '')}${part}e${3 * THOUSANDS.indexOf(unit)}`);
}

/** The beginnings by which a spreadsheet takes a cell for a formula, full-width ones too; a number or an amount is none. */
const FORMULA = /^[=+\-@\t\r\n\uFF0B\uFF0D\uFF1D\uFF20]/;
const NUMBER = /^-?\d+(\.\d+)?%?$/;

function field(value: string | number | undefined): string {
  const text = value === undefined ? '' : String(value);
  const safe = typeof value === 'string' && FORMULA.test(text) && !NUMBER.test(text) && !AMOUNT.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
