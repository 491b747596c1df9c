/** Where the documents are, and what each page listens to: the only module that knows a path. */

import { collection, doc, limit, orderBy, query, where, type QueryConstraint } from 'firebase/firestore';
import type { Range } from '../derive/range';
import { readPolicy } from '../documents/fleet';
import { readRollup } from '../documents/rollup';
import { readSnapshot } from '../documents/snapshot';
import type { Listening } from './listening';

/** A snapshot is taken each minute; two that fail to come are a tick that does not run. */
const STALE_AFTER_MS = 150_000;
/** A query's documents: the emulator pays for each with every write. */
export const MOST = 60;

/** The fleet's own document: its name and policies. */
export function policy(listen: Listening, fleet: string) {
  return listen.document(doc(listen.db, 'fleets', fleet), readPolicy, { optional: true });
}

/** `live/now`: how the fleet stands, with rings of the last hour. */
export function now(listen: Listening, fleet: string) {
  return listen.document(within(listen, fleet).one('live', 'now'), readSnapshot, { freshness: { at: (now) => now?.at, staleAfterMs: STALE_AFTER_MS } });
}

/** The published rollups of a range, newest first; lay them out with `windowOf`. */
export function rollups(listen: Listening, fleet: string, { grain, n, last }: Pick<Range, 'grain' | 'n'> & { last?: string | undefined }) {
  const until = last === undefined ? [] : [where('period', '<=', last)];
  return within(listen, fleet).list(['rollups', where('grain', '==', grain), ...until, orderBy('period', 'desc'), limit(n)], readRollup);
}

/** One document, the newest of a collection, or any query of a fleet's collection. A query MUST have a limit. */
export function within(listen: Listening, fleet: string) {
  const root = doc(listen.db, 'fleets', fleet);
  type Asked = readonly [string, ...QueryConstraint[]];
  return {
    one: (name: string, id: string) => doc(root, name, id),
    newest: (name: string, time: string, n: number): Asked => [name, orderBy(time, 'desc'), limit(n)],
    list: <T>([name, ...asked]: Asked, read: (id: string, data: Readonly<Record<string, unknown>>) => T) =>
      listen.list(query(collection(root, name), ...asked), read),
  };
}
