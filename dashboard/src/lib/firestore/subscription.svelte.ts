/** One subscription: its newest value that the server confirmed, and its status. */

import { clock } from '../state/clock.svelte';

export type Phase = 'loading' | 'live' | 'unreachable' | 'error' | 'denied';
export type Status = Phase | 'stale';

/** From good to bad: the page shows the worst status of its subscriptions. */
const STATUSES: readonly Status[] = ['live', 'loading', 'stale', 'unreachable', 'error', 'denied'];

/** From which age on a value is stale. */
export interface Freshness<T> {
  /** The time of the value itself. */
  at: (value: T) => number | undefined;
  staleAfterMs: number;
}

/** The newest confirmed value of a document or query. Everything here may be read reactively. */
export class Subscription<T> {
  /** Undefined until the server has confirmed the first value. */
  value = $state.raw<T>();
  phase = $state<Phase>('loading');
  /** The server's message, when it refused or failed. */
  problem = $state('');

  readonly #at: () => number | undefined;
  readonly #staleAfterMs: number;

  constructor(freshness?: Freshness<T> | undefined) {
    this.#at = () => (this.value === undefined ? undefined : freshness?.at(this.value));
    this.#staleAfterMs = freshness?.staleAfterMs ?? Infinity;
  }

  /** The age of the value by its own time, in milliseconds. */
  get age(): number | undefined {
    const at = this.#at();
    return at === undefined ? undefined : Math.max(0, clock.now - at);
  }

  /** Whether the value is too old, for whatever reason no newer one came. */
  get stale(): boolean {
    return (this.age ?? 0) > this.#staleAfterMs;
  }

  get status(): Status {
    return this.phase === 'live' && this.stale ? 'stale' : this.phase;
  }
}

/** The worst of some statuses. */
export function worst(statuses: readonly Status[]): Status {
  return STATUSES[Math.max(0, ...statuses.map((status) => STATUSES.indexOf(status)))] as Status;
}
