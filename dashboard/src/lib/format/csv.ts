/** Tables as CSV (RFC 4180). */

import type { Column } from './table';

/** Write rows. A cell that a spreadsheet would take for a formula is marked as text, because agents choose names freely. */
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

function field(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) && !/^-?[\d.]+%?$/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
