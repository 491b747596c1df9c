/** Colours, the same on every page; a word always stands beside a colour. */

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

export function tierColor(tier: string): string {
  return TIERS[tier] ?? 'var(--c4)';
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

/** How much of its family's colour a version has, so that two versions side by side differ. */
const SHADES = [100, 62, 36];

/** A model's colour: its family's, in the shade of its version; grey for a model of no family. */
export function modelColor(model: string): string {
  const family = FAMILIES.find(([part]) => part.test(model))?.[1];
  if (family === undefined) return 'var(--c6)';
  const minor = /\d[-.](\d{1,2})(?!\d)/.exec(model)?.[1];
  const shade = SHADES[minor === undefined ? 0 : (Number(minor) + 1) % 3] as number;
  return shade === 100 ? family : `color-mix(in srgb, ${family} ${shade}%, var(--strong))`;
}

/** A model's short name: without its maker and its date. */
export function modelName(model: string): string {
  if (model === REST) return 'others';
  if (model === NOT_KNOWN) return 'unknown';
  return model.replace(/^.*\//, '').replace(/^claude-/, '').replace(/-20\d{6}$/, '') || model;
}

/** The colour of a group that has none of its own, by its place in the order. */
export function rankColor(i: number): string {
  return `var(--c${i < 5 ? i + 1 : 6})`;
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
