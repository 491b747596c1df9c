/** Where the lines of a chart's axes are: pure. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY];

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
  const found: { at: number; daily: boolean }[] = [];
  const local = new Date(from);
  local.setHours(0, 0, 0, 0);
  // By the calendar, not by adding up milliseconds: days have 23 and 25 hours, too.
  for (let i = 0; ; i++) {
    const at = step >= DAY ? new Date(local).setDate(local.getDate() + i * (step / DAY)) : local.getTime() + i * step;
    if (at > to) break;
    if (at >= from) found.push({ at, daily: step >= DAY || new Date(at).getHours() + new Date(at).getMinutes() === 0 });
  }
  return found;
}
