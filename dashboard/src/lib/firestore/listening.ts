/** One page's subscriptions, which are shared with other pages that listen to the same. */

import type { DocumentReference, Firestore, Query } from 'firebase/firestore';
import type { Fields } from '../documents/values';
import type { Freshness, Subscription } from './subscription.svelte';

export type Read<T> = (id: string, data: Fields) => T;

/** A document or query to listen to, and the function that reads its documents. */
export interface Request {
  source: DocumentReference | Query;
  read: Read<unknown>;
  freshness: Freshness<unknown> | undefined;
  optional: boolean;
}

/** The subscriptions of one page; `close` ends them. */
export class Listening {
  readonly #releases: (() => void)[] = [];
  readonly #use: (request: Request) => [Subscription<unknown>, () => void];

  constructor(
    readonly db: Firestore,
    use: (request: Request) => [Subscription<unknown>, () => void],
  ) {
    this.#use = use;
  }

  /** Listen to a document; its value is null when it does not exist. An optional one does not count for the page's status. */
  document<T>(
    source: DocumentReference,
    read: Read<T>,
    { freshness, optional = false }: { freshness?: Freshness<T | null>; optional?: boolean } = {},
  ): Subscription<T | null> {
    return this.#add(source, read, freshness as Freshness<unknown> | undefined, optional) as Subscription<T | null>;
  }

  /** Listen to a query, which MUST have a limit. */
  list<T>(source: Query, read: Read<T>): Subscription<readonly T[]> {
    return this.#add(source, read) as Subscription<readonly T[]>;
  }

  close(): void {
    for (const release of this.#releases.splice(0)) release();
  }

  #add(
    source: DocumentReference | Query,
    read: Read<unknown>,
    freshness?: Freshness<unknown>,
    optional = false,
  ): Subscription<unknown> {
    const [subscription, release] = this.#use({ source, read, optional, freshness });
    this.#releases.push(release);
    return subscription;
  }
}
