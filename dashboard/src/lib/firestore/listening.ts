/** One page's subscriptions, which are shared with other pages that listen to the same. */

import type { DocumentReference, Firestore, Query } from 'firebase/firestore';
import type { Fields } from '../documents/values';
import type { Freshness, Subscription } from './subscription.svelte';

export type Read<T> = (id: string, data: Fields) => T;

export interface Wanted {
  source: DocumentReference | Query;
  read: Read<unknown>;
  fresh: Freshness<unknown> | undefined;
  optional: boolean;
}

/** What one page listens to; `close` when it is left. */
export class Listening {
  readonly #letGo: (() => void)[] = [];
  readonly #use: (wanted: Wanted) => [Subscription<unknown>, () => void];

  constructor(
    readonly db: Firestore,
    use: (wanted: Wanted) => [Subscription<unknown>, () => void],
  ) {
    this.#use = use;
  }

  /** Listen to a document; its value is null when there is none. An optional one does not count for the page's word. */
  document<T>(source: DocumentReference, read: Read<T>, options: { fresh?: Freshness<T | null>; optional?: true } = {}): Subscription<T | null> {
    return this.#add(source, read, options.fresh, options.optional) as Subscription<T | null>;
  }

  /** Listen to a query, which MUST have a limit. */
  list<T>(source: Query, read: Read<T>): Subscription<readonly T[]> {
    return this.#add(source, read) as Subscription<readonly T[]>;
  }

  close(): void {
    for (const letGo of this.#letGo.splice(0)) letGo();
  }

  #add<T>(source: DocumentReference | Query, read: Read<unknown>, fresh?: Freshness<T | null>, optional = false): Subscription<unknown> {
    const [subscription, letGo] = this.#use({ source, read, optional, fresh: fresh as Freshness<unknown> | undefined });
    this.#letGo.push(letGo);
    return subscription;
  }
}
