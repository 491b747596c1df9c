/** Points over time: rings, growth, ratios, and the segments that a line is drawn in. Pure. */

import type { Snapshot } from '../documents/snapshot';

export interface Point {
  x: number;
  y: number;
}

const MINUTE = 60_000;
export const HOUR_MS = 60 * MINUTE;

export const WINDOW_MS = 5 * MINUTE;
/** Over less, a few calls make any number. */
export const WINDOW_AT_LEAST_MS = MINUTE - 10_000;
/** A ring holds an hour. */
export const RING_MS = HOUR_MS;
/** Points of a ring are a minute apart; ticks may come late by as much again. */
export const GAP_MS = 2.5 * MINUTE;

/** A line in the segments it is drawn in: it breaks where no point came for longer than `gap`. */
export function segments(points: readonly Point[], gap: number): Point[][] {
  const lines: Point[][] = [];
  for (const p of points) {
    const line = lines.at(-1);
    if (line && p.x - (line.at(-1) as Point).x <= gap) line.push(p);
    else lines.push([p]);
  }
  return lines;
}

/** A ring of `live/now` as points in time, oldest first; broken entries are left out. */
export function ring(rings: Snapshot['rings'], name: string): Point[] {
  const at = rings['at_ms'] ?? [];
  const ys = rings[name] ?? [];
  // Aligned at the newest end, should one ring be shorter than the other.
  const offset = at.length - ys.length;
  return ys
    .map((y, i) => ({ x: at[i + offset] ?? NaN, y }))
    .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))
    .sort((a, b) => a.x - b.x);
}

/** For each point of a running total: how much it grew per second over the WINDOW_MS before (less at the beginning). */
export function growth(totals: readonly Point[]): Point[] {
  return pairs(totals).map(([from, to]) => ({ x: to.x, y: (Math.max(0, to.y - from.y) * 1000) / (to.x - from.x) }));
}

/** For each point: the growth of one total as a part of another's; nothing where the other did not grow. */
export function ratio(parts: readonly Point[], wholes: readonly Point[]): Point[] {
  const part = new Map(parts.map(({ x, y }) => [x, y]));
  return pairs(wholes.filter(({ x }) => part.has(x)))
    .filter(([from, to]) => to.y > from.y)
    .map(([from, to]) => {
      const grown = (part.get(to.x) ?? 0) - (part.get(from.x) ?? 0);
      return { x: to.x, y: Math.min(1, Math.max(0, grown / (to.y - from.y))) };
    });
}

/** Each point but the first, with the oldest point at most WINDOW_MS before it, else the one just before if it is near. */
function pairs(points: readonly Point[]): [Point, Point][] {
  let oldest = 0;
  return points.flatMap((to, i): [Point, Point][] => {
    // Half a minute of slack: five points a minute apart are rarely that to the millisecond.
    while ((points[oldest] as Point).x < to.x - WINDOW_MS - MINUTE / 2) oldest++;
    const from = points[Math.min(oldest, i)] as Point;
    return to.x - from.x >= WINDOW_AT_LEAST_MS ? [[from, to]] : [];
  });
}

/** How much time a sparkline shows: what its points span, a few minutes at least, so that a young fleet's is no dot in a corner. */
export function spanOf(points: readonly Point[]): number {
  const [first, last] = [points[0]?.x ?? 0, points.at(-1)?.x ?? 0];
  return Math.min(RING_MS, Math.max(2 * WINDOW_MS, last - first));
}

/** How much a stock grew per minute over the last five, by its ring; undefined where that is not known. */
export function slope(points: readonly Point[]): number | undefined {
  const [from, to] = pairs(points).at(-1) ?? [];
  return from && to ? ((to.y - from.y) * MINUTE) / (to.x - from.x) : undefined;
}
