/** The lines of a chart's axes. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  ...[1, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 7, 14, 28].map((n) => n * DAY),
];

/** Round values, or whole ones, from 0 to at least the largest, about `n` steps of 1, 2, 2.5 or 5 times a power of ten. */
export function ticks(largest: number, n = 4, whole = false): number[] {
  if (!(largest > 0) || !Number.isFinite(largest)) return [0];
  const rough = whole ? Math.max(1, largest / n) : largest / n;
  const power = 10 ** Math.floor(Math.log10(rough));
  const steps = whole && power < 10 ? [1, 2, 5, 10] : [1, 2, 2.5, 5, 10];
  const step = power * (steps.find((s) => s * power >= rough * 0.999) as number);
  return Array.from({ length: Math.ceil(largest / step - 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}

/** Whole minutes, hours or days of the viewer's zone between two moments, at most `most` of them. */
export function timeTicks(from: number, to: number, most: number): { at: number; daily: boolean }[] {
  if (!(to > from)) return [];
  const step = STEPS.find((s) => (to - from) / s <= most) ?? Math.ceil((to - from) / most / DAY) * DAY;
  const lines: { at: number; daily: boolean }[] = [];
  const local = new Date(from);
  local.setHours(0, 0, 0, 0);
  // By the calendar, because days can have 23 or 25 hours.
  for (let i = 0; ; i++) {
    const at = step >= DAY ? new Date(local).setDate(local.getDate() + i * (step / DAY)) : local.getTime() + i * step;
    if (at > to) break;
    if (at >= from) lines.push({ at, daily: step >= DAY || new Date(at).getHours() + new Date(at).getMinutes() === 0 });
  }
  return lines;
}
