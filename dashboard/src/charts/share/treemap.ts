/** Parts of a whole as rectangles, as square as possible (Bruls, Huizing, van Wijk: Squarified treemaps, 2000). */

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Lay values out in a box, largest first; values of zero get no area. */
export function treemap<T>(parts: readonly T[], valueOf: (part: T) => number, box: Box): (Box & { part: T })[] {
  const rest = parts.map((part) => ({ part, value: valueOf(part) })).filter(({ value }) => value > 0);
  rest.sort((a, b) => b.value - a.value);
  const whole = rest.reduce((sum, { value }) => sum + value, 0);
  const scale = (box.width * box.height) / whole;
  const placed: (Box & { part: T })[] = [];
  let left = box;
  while (rest.length && left.width > 0 && left.height > 0) {
    const side = Math.min(left.width, left.height);
    let n = 1;
    while (n < rest.length && worstOf(rest, n + 1, scale, side) <= worstOf(rest, n, scale, side)) n++;
    const row = rest.splice(0, n);
    const area = row.reduce((sum, { value }) => sum + value, 0) * scale;
    left = lay(row, area, scale, left, placed);
  }
  return placed;
}

/** The worst aspect ratio among the first n rectangles of a row. */
function worstOf(rest: readonly { value: number }[], n: number, scale: number, side: number): number {
  let area = 0;
  for (let i = 0; i < n; i++) area += (rest[i]?.value ?? 0) * scale;
  const [largest, smallest] = [(rest[0]?.value ?? 0) * scale, (rest[n - 1]?.value ?? 0) * scale];
  return Math.max((side * side * largest) / (area * area), (area * area) / (side * side * smallest));
}

/** Place a row along the shorter side, and return the remaining box. */
function lay<T>(row: readonly { part: T; value: number }[], area: number, scale: number, box: Box, placed: (Box & { part: T })[]): Box {
  const upright = box.width >= box.height;
  const depth = Math.min(area / (upright ? box.height : box.width), upright ? box.width : box.height);
  let at = upright ? box.y : box.x;
  for (const { part, value } of row) {
    const length = (value * scale) / depth;
    placed.push(upright ? { part, x: box.x, y: at, width: depth, height: length } : { part, x: at, y: box.y, width: length, height: depth });
    at += length;
  }
  if (upright) return { ...box, x: box.x + depth, width: box.width - depth };
  return { ...box, y: box.y + depth, height: box.height - depth };
}
