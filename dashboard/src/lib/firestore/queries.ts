/** The queries that pages share, and the paths below a fleet. */

import { collection, doc, limit, orderBy, query, where, type QueryConstraint } from 'firebase/firestore';
import type { Range } from '../derive/range';
import { readPolicy } from '../documents/fleet';
import { readRollup } from '../documents/rollup';
import { readSnapshot, type Snapshot } from '../documents/snapshot';
import type { Listening, Read } from './listening';
import type { Freshness } from './subscription.svelte';

/** A snapshot is taken each minute; after two missing ones the tick does not run. */
const STALE_AFTER_MS = 150_000;
/** The most documents of a query, because the emulator pays for each with every write. */
export const MOST = 60;

/** The fleet's own document: its name and policies. */
export function policy(listen: Listening, fleet: string) {
  return listen.document(doc(listen.db, 'fleets', fleet), readPolicy, { optional: true });
}

/** `live/now`: the newest snapshot, with rings of the last hour. */
export function now(listen: Listening, fleet: string) {
  const freshness: Freshness<Snapshot | null> = { at: (snapshot) => snapshot?.at, staleAfterMs: STALE_AFTER_MS };
  return listen.document(inFleet(listen, fleet).document('live', 'now'), readSnapshot, { freshness });
}

/** The published rollups of a range, newest first; `timeframeOf` lays them out. */
export function rollups(
  listen: Listening,
  fleet: string,
  { grain, n, last }: Pick<Range, 'grain' | 'n'> & { last?: string | undefined },
) {
  const until = last === undefined ? [] : [where('period', '<=', last)];
  return inFleet(listen, fleet).list(['rollups', where('grain', '==', grain), ...until, orderBy('period', 'desc'), limit(n)], readRollup);
}

/** References to documents of a fleet, and queries of its collections. A query MUST have a limit. */
export function inFleet(listen: Listening, fleet: string) {
  const root = doc(listen.db, 'fleets', fleet);
  type FleetQuery = readonly [string, ...QueryConstraint[]];
  return {
    document: (name: string, id: string) => doc(root, name, id),
    newest: (name: string, time: string, n: number): FleetQuery => [name, orderBy(time, 'desc'), limit(n)],
    list: <T>([name, ...constraints]: FleetQuery, read: Read<T>) =>
      listen.list(query(collection(root, name), ...constraints), read),
  };
}
