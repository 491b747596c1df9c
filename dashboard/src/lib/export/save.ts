/** Saves panels as files. */

import { csv, drawnCells } from '../format/csv';
import { picture } from './picture';

type Cells = readonly (readonly (string | number | undefined)[])[];

/** The full cells of tables whose drawn cells are cut or rounded. */
export const tableCells = new WeakMap<HTMLTableElement, () => Cells>();

/** Save the tables of a panel as CSV, one below the other. */
export function saveTables(panel: HTMLElement, name: string): void {
  const tables = [...panel.querySelectorAll('table')].map((table) => csv(tableCells.get(table)?.() ?? read(table)));
  save(new Blob(['\ufeff', tables.join('\r\n')], { type: 'text/csv;charset=utf-8' }), `${name}.csv`);
}

/** Save a panel as a PNG. */
export async function savePicture(panel: HTMLElement, name: string): Promise<void> {
  save(await picture(panel), `${name}.png`);
}

function read(table: HTMLTableElement): Cells {
  return drawnCells([...table.rows].map((row) => [...row.cells].map((cell) => cell.innerText.replace(/\s+/g, ' ').trim())));
}

function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[^\w.-]+/g, '_');
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
