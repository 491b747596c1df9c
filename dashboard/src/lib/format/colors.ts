/** Colours, the same on every page unless two in one chart would be alike; a word always stands beside a colour. */

import { NOT_KNOWN, REST } from './scopes';

const STATES: Readonly<Record<string, string>> = {
  active: 'var(--active)',
  waiting: 'var(--waiting)',
  idle: 'var(--idle)',
  stuck: 'var(--stuck)',
  error: 'var(--error)',
};

const TIERS: Readonly<Record<string, string>> = {
  frontier: 'var(--c1)',
  standard: 'var(--c2)',
  light: 'var(--c3)',
  _unknown: 'var(--c6)',
};

export function stateColor(state: string): string {
  return STATES[state] ?? 'var(--c6)';
}

/** Context left: red below 20 %, amber at or below the threshold at which a session rotates. */
export function contextColor(pct: number, threshold: number): string {
  return pct < 20 ? 'var(--error)' : pct <= threshold ? 'var(--stuck)' : 'var(--active)';
}

const STATUSES: Readonly<Record<string, string>> = {
  completed: 'var(--active)',
  failed: 'var(--error)',
  active: 'var(--c1)',
  claimed: 'var(--c1)',
  waiting: 'var(--waiting)',
};

/** A task's status; queued and cancelled ones are grey. */
export function statusColor(status: string | undefined): string {
  return STATUSES[status ?? ''] ?? 'var(--c6)';
}

const FAMILIES: readonly [RegExp, string][] = [
  [/haiku|\bmini\b|nano|small/, 'var(--c2)'],
  [/sonnet/, 'var(--c1)'],
  [/opus|fable|-pro\b/, 'var(--c4)'],
  [/gpt|codex|\bo\d/, 'var(--c3)'],
  [/gemini|mistral|command/, 'var(--c5)'],
];

const GREY = 'var(--c6)';

/** How much of its family's colour a version has, so that two versions side by side differ. */
const SHADES = [100, 62, 36];
/** The palette: five colours, then their shades. */
const RANKS = SHADES.flatMap((_, shade) => [1, 2, 3, 4, 5].map((n) => shaded(`var(--c${n})`, shade)));

/** A model's colour: its family's, in the shade of its version; grey for a model of no family. */
export function modelColor(model: string): string {
  const family = FAMILIES.find(([part]) => part.test(model))?.[1];
  return family === undefined ? GREY : shaded(family, shadeOf(model));
}

/** The colours of models that stand in one chart: each its own as far as no other there has it, else a shade of its family if one is free. */
export function modelColors(models: Iterable<string>): (model: string) => string {
  return distinct(models, modelColor, (model) => FAMILIES.find(([part]) => part.test(model))?.[1]);
}

/** The colours of tiers that stand in one chart; a fleet's own tiers take those that are free. */
export function tierColors(tiers: Iterable<string>): (tier: string) => string {
  return distinct(tiers, (tier) => TIERS[tier] ?? 'var(--c4)');
}

/**
 * Colours that differ as long as the palette has one left; grey is for names without a colour of their own when none is.
 *
 * Of two names with one colour, the first by name keeps it, so that the order of the chart does not matter.
 */
function distinct(names: Iterable<string>, own: (name: string) => string, family: (name: string) => string | undefined = () => undefined) {
  const named = [...new Set(names)].filter((name) => name !== REST && name !== NOT_KNOWN).sort();
  const colors = new Map<string, string>();
  const taken = new Set<string>();
  const take = (name: string, color: string) => {
    colors.set(name, color);
    taken.add(color);
  };
  for (const name of named) if (own(name) !== GREY && !taken.has(own(name))) take(name, own(name));
  for (const name of named) {
    if (colors.has(name)) continue;
    const first = family(name);
    const shades = first === undefined ? [] : SHADES.map((_, shade) => shaded(first, shade));
    const free = [...shades, ...RANKS].find((color) => !taken.has(color));
    take(name, free ?? GREY);
  }
  return (name: string) => colors.get(name) ?? own(name);
}

function shadeOf(model: string): number {
  const minor = /\d[-.](\d{1,2})(?!\d)/.exec(model)?.[1];
  return minor === undefined ? 0 : (Number(minor) + 1) % 3;
}

function shaded(color: string, shade: number): string {
  const pct = SHADES[shade] as number;
  return pct === 100 ? color : `color-mix(in srgb, ${color} ${pct}%, var(--strong))`;
}

/** A model's short name: without its maker and its date. */
export function modelName(model: string): string {
  if (model === REST) return 'others';
  if (model === NOT_KNOWN) return 'unknown';
  return model.replace(/^.*\//, '').replace(/^claude-/, '').replace(/-20\d{6}$/, '') || model;
}

/** The colour of a group that has none of its own, by its place in the order; grey behind the palette's end. */
export function rankColor(i: number): string {
  return RANKS[i] ?? GREY;
}

const SPAN_KINDS: Readonly<Record<string, string>> = {
  agent: 'var(--c6)',
  chain: 'color-mix(in srgb, var(--waiting) 50%, var(--idle))',
  llm: 'var(--c1)',
  tool: 'var(--c2)',
  retriever: 'var(--c5)',
  embedding: 'var(--c5)',
  guardrail: 'var(--c4)',
  evaluator: 'var(--c3)',
};

/** The colour of a kind of span; an error is red, whatever its kind. */
export function kindColor(kind: string): string {
  return SPAN_KINDS[kind] ?? 'var(--c6)';
}
