/** Points over time: rings, growth, ratios, and the segments that a line is drawn in. Pure. */

import type { Snapshot } from '../documents/snapshot';

export interface Point {
  x: number;
  y: number;
}

const MINUTE = 60_000;
export const HOUR_MS = 60 * MINUTE;

const WINDOW_MS = 5 * MINUTE;
/** Over a shorter time, a few calls make any number. */
const WINDOW_AT_LEAST_MS = MINUTE - 10_000;
/** A ring holds an hour. */
export const RING_MS = HOUR_MS;
/** A line breaks over a longer gap: points of a ring are a minute apart, and a tick may be a minute late. */
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

/** A ring of the newest snapshot as points in time, oldest first; broken entries are left out. */
export function ring(rings: Snapshot['rings'], name: string): Point[] {
  const at = rings['at_ms'] ?? [];
  const ys = rings[name] ?? [];
  // Rings of different lengths are aligned at their newest ends.
  const offset = at.length - ys.length;
  return ys
    .map((y, i) => ({ x: at[i + offset] ?? NaN, y }))
    .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))
    .sort((a, b) => a.x - b.x);
}

/** For each point of a running total: its growth per second over the WINDOW_MS before, and over less at the beginning. */
export function growth(totals: readonly Point[]): Point[] {
  return intervals(totals).map(([from, to]) => ({ x: to.x, y: (Math.max(0, to.y - from.y) * 1000) / (to.x - from.x) }));
}

/** For each point: the growth of one total as a share of another's; no point where the other did not grow. */
export function ratio(parts: readonly Point[], wholes: readonly Point[]): Point[] {
  const part = new Map(parts.map(({ x, y }) => [x, y]));
  return intervals(wholes.filter(({ x }) => part.has(x)))
    .filter(([from, to]) => to.y > from.y)
    .map(([from, to]) => {
      const grown = (part.get(to.x) ?? 0) - (part.get(from.x) ?? 0);
      return { x: to.x, y: Math.min(1, Math.max(0, grown / (to.y - from.y))) };
    });
}

/** Each point but the first, with the oldest point at most WINDOW_MS before it, else the one just before if it is near. */
function intervals(points: readonly Point[]): [Point, Point][] {
  let oldest = 0;
  return points.flatMap((to, i): [Point, Point][] => {
    // Half a minute of slack, because points are rarely a minute apart to the millisecond.
    while ((points[oldest] as Point).x < to.x - WINDOW_MS - MINUTE / 2) oldest++;
    const from = points[Math.min(oldest, i)] as Point;
    return to.x - from.x >= WINDOW_AT_LEAST_MS ? [[from, to]] : [];
  });
}

/** The time that a sparkline shows, in milliseconds: that of its points, and 10 minutes at least, so that few points are not a dot. */
export function shownMs(points: readonly Point[]): number {
  const [first, last] = [points[0]?.x ?? 0, points.at(-1)?.x ?? 0];
  return Math.min(RING_MS, Math.max(2 * WINDOW_MS, last - first));
}

/** The growth of a stock per minute over the last five; undefined for fewer than two points. */
export function slope(points: readonly Point[]): number | undefined {
  const [from, to] = intervals(points).at(-1) ?? [];
  return from && to ? ((to.y - from.y) * MINUTE) / (to.x - from.x) : undefined;
}
