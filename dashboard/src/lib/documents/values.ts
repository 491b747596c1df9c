/** Values of documents: a missing or broken one is undefined, never zero, and no reader throws. */

export type Counters = Readonly<Record<string, number>>;
export type Fields = Readonly<Record<string, unknown>>;

export function map(value: unknown): Fields {
  return isMap(value) ? value : {};
}

export function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function counters(value: unknown): Counters {
  return Object.fromEntries(Object.entries(map(value)).filter((cell): cell is [string, number] => isNumber(cell[1])));
}

export function numbers(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.map((n) => (isNumber(n) ? n : NaN)) : [];
}

export function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

export function amount(value: unknown): number | undefined {
  return isNumber(value) && value >= 0 ? value : undefined;
}

export function percentage(value: unknown): number | undefined {
  return isNumber(value) && value >= 0 && value <= 100 ? value : undefined;
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A Firestore timestamp or ISO 8601 text, in milliseconds since the epoch. */
export function instant(value: unknown): number | undefined {
  const toMillis = map(value)['toMillis'];
  const ms = typeof toMillis === 'function' ? (toMillis.call(value) as unknown) : typeof value === 'string' ? Date.parse(value) : NaN;
  return isNumber(ms) ? ms : undefined;
}
