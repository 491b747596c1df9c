/** One subscription: its newest confirmed value, and whether that can be relied on. */

import { clock } from '../state/clock.svelte';

export type Phase = 'loading' | 'live' | 'unreachable' | 'error' | 'denied';
export type Word = Phase | 'stale';

/** From good to bad: the page shows the worst of its subscriptions. */
const WORDS: readonly Word[] = ['live', 'loading', 'stale', 'unreachable', 'error', 'denied'];

/** How a value's own time tells whether it is still true. */
export interface Freshness<T> {
  at: (value: T) => number | undefined;
  staleAfterMs: number;
}

/** One listener: its newest confirmed value, and how it stands. Everything here may be read reactively. */
export class Subscription<T> {
  /** Undefined until the server has confirmed a first one. */
  value = $state.raw<T>();
  phase = $state<Phase>('loading');
  /** What the server said, when it refused or failed. */
  problem = $state('');

  readonly #at: () => number | undefined;
  readonly #staleAfterMs: number;

  constructor(freshness?: Freshness<T> | undefined) {
    this.#at = () => (this.value === undefined ? undefined : freshness?.at(this.value));
    this.#staleAfterMs = freshness?.staleAfterMs ?? Infinity;
  }

  /** How old the data is by its own time, in milliseconds. */
  get age(): number | undefined {
    const at = this.#at();
    return at === undefined ? undefined : Math.max(0, clock.now - at);
  }

  /** Whether the data is too old to be the state of things, for whatever reason no newer came. */
  get stale(): boolean {
    return (this.age ?? 0) > this.#staleAfterMs;
  }

  get word(): Word {
    return this.phase === 'live' && this.stale ? 'stale' : this.phase;
  }
}

/** The worst of some words. */
export function worst(words: readonly Word[]): Word {
  return WORDS[Math.max(0, ...words.map((word) => WORDS.indexOf(word)))] as Word;
}
