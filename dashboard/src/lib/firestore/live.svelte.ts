/**
 * Every subscription there is: what was heard last, and whether that can be relied on.
 *
 * A page opens a `Listening` and closes it when it is left. Two that listen to the same thing share one listener, and one that
 * nobody uses any more goes on for a moment, so that the next page, or the way back, has at once what it shares with the last.
 */

import {
  disableNetwork,
  enableNetwork,
  onSnapshot,
  queryEqual,
  refEqual,
  type DocumentReference,
  type Firestore,
  type FirestoreError,
  type Query,
  type QueryDocumentSnapshot,
  type QuerySnapshot,
} from 'firebase/firestore';
import { untrack } from 'svelte';
import type { Fields } from '../documents/values';
import { Listening, type Wanted } from './listening';
import { Subscription, worst, type Word } from './subscription.svelte';

/** Without a confirmed snapshot for so long, the connection is taken down and up again: a stalled one never recovers. */
const PATIENCE_MS = 5000;
const PATIENCE_AT_MOST_MS = 30_000;
const RETRY_MS = 5000;
const RETRY_AT_MOST_MS = 60_000;
/** What nobody uses is listened to for so long. */
const LINGER_MS = 20_000;
/** A hidden page paints no frames. */
const HIDDEN_MS = 250;

/** The listeners of one viewer; `close` ends them all. */
export class Live {
  #listeners = $state.raw<readonly Listener[]>([]);
  #heard = new Map<Listener, () => void>();
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #patience = PATIENCE_MS;
  #kicking = false;
  readonly #watchdog = setInterval(() => void this.#watch(), 1000);
  readonly #wake = () => {
    if (!document.hidden) this.#patience = PATIENCE_MS;
  };

  constructor(readonly db: Firestore) {
    document.addEventListener('visibilitychange', this.#wake);
    addEventListener('online', this.#wake);
  }

  /** Begin what one page listens to. */
  open(): Listening {
    return new Listening(this.db, (wanted) => this.#use(wanted));
  }

  /** How the page stands: the worst of what it listens to. */
  get word(): Word {
    return worst(this.#required.map((l) => l.subscription.word));
  }

  /** Whether the viewer may see nothing at all here. */
  get denied(): boolean {
    return this.#required.length > 0 && this.#required.every((l) => l.subscription.phase === 'denied');
  }

  /** Listen anew where the viewer was refused, after something was granted. */
  retryDenied(): void {
    for (const l of this.#listeners) if (l.subscription.phase === 'denied') this.#listen(l);
  }

  close(): void {
    clearInterval(this.#watchdog);
    clearTimeout(this.#timer);
    cancelAnimationFrame(this.#frame);
    document.removeEventListener('visibilitychange', this.#wake);
    removeEventListener('online', this.#wake);
    for (const l of this.#listeners) this.#end(l);
    this.#listeners = [];
    this.#heard.clear();
  }

  get #required(): readonly Listener[] {
    return this.#listeners.filter((l) => !l.optional && l.users > 0);
  }

  /** Give the listener to this source, a new one if there is none, and how to let go of it. */
  #use(wanted: Wanted): [Subscription<unknown>, () => void] {
    let l = untrack(() => this.#listeners).find((other) => other.read === wanted.read && same(other.source, wanted.source));
    if (l === undefined) {
      const subscription = new Subscription<unknown>(wanted.fresh);
      l = { ...wanted, subscription, users: 0, stop: () => {}, retry: undefined, unused: undefined, failures: 0, unconfirmedSince: 0 };
      this.#listen(l);
    }
    clearTimeout(l.unused);
    this.#count(l, 1);
    let released = false;
    return [
      l.subscription,
      () => {
        if (!released) this.#count(l, -1);
        released = true;
        if (l.users === 0) l.unused = setTimeout(() => this.#drop(l), LINGER_MS);
      },
    ];
  }

  /** Change who uses a listener; the list is a new one, so that what is derived from it is too. */
  #count(l: Listener, by: 1 | -1): void {
    l.users += by;
    this.#listeners = [...untrack(() => this.#listeners).filter((other) => other !== l), l];
  }

  #drop(l: Listener): void {
    if (l.users > 0) return;
    this.#end(l);
    this.#heard.delete(l);
    this.#listeners = this.#listeners.filter((other) => other !== l);
  }

  #end(l: Listener): void {
    clearTimeout(l.retry);
    clearTimeout(l.unused);
    l.stop();
  }

  #listen(l: Listener): void {
    clearTimeout(l.retry);
    l.stop();
    l.unconfirmedSince = Date.now();
    const failed = (error: FirestoreError) => this.#fail(l, error);
    const { source, read } = l;
    if (source.type === 'document') {
      l.stop = onSnapshot(source, WITH_METADATA, (s) => this.#hear(l, s.metadata, () => (s.exists() ? read(s.id, s.data() as Fields) : null)), failed);
    } else {
      // A document that did not change stays the same object: it is neither read nor drawn again.
      const known = new Map<string, unknown>();
      const once = (d: QueryDocumentSnapshot) => known.get(d.id) ?? known.set(d.id, read(d.id, d.data() as Fields)).get(d.id);
      const heard = (s: QuerySnapshot) => {
        for (const change of s.docChanges()) known.delete(change.doc.id);
        this.#hear(l, s.metadata, () => s.docs.map(once));
      };
      l.stop = onSnapshot(source, WITH_METADATA, heard, failed);
    }
  }

  /** Unconfirmed snapshots say only that the server has not been heard; the last confirmed value stays. */
  #hear(l: Listener, { fromCache }: { fromCache: boolean }, value: () => unknown): void {
    if (fromCache) {
      l.unconfirmedSince ??= Date.now();
      return;
    }
    l.unconfirmedSince = undefined;
    l.failures = 0;
    this.#fold(l, () => {
      l.subscription.value = value();
      l.subscription.phase = 'live';
      l.subscription.problem = '';
    });
  }

  #fail(l: Listener, error: FirestoreError): void {
    l.unconfirmedSince = undefined;
    const denied = error.code === 'permission-denied';
    this.#fold(l, () => {
      l.subscription.phase = denied ? 'denied' : 'error';
      l.subscription.problem = `${error.code}: ${error.message}`;
      if (denied) l.subscription.value = undefined;
    });
    if (denied) return;
    l.retry = setTimeout(() => this.#listen(l), Math.min(RETRY_MS * 2 ** l.failures++, RETRY_AT_MOST_MS));
  }

  /** Keep only the newest of a burst until the next frame: one change of state for each subscription and frame. */
  #fold(l: Listener, apply: () => void): void {
    if (this.#heard.size === 0) {
      this.#frame = requestAnimationFrame(() => this.#flush());
      this.#timer = setTimeout(() => this.#flush(), HIDDEN_MS);
    }
    this.#heard.set(l, apply);
  }

  #flush(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    const changes = [...this.#heard.values()];
    this.#heard.clear();
    for (const apply of changes) apply();
  }

  async #watch(): Promise<void> {
    const waiting = this.#listeners.filter((l) => l.unconfirmedSince !== undefined);
    if (waiting.length === 0) this.#patience = PATIENCE_MS;
    const late = waiting.filter((l) => Date.now() - (l.unconfirmedSince ?? 0) > PATIENCE_MS);
    for (const l of late) l.subscription.phase = 'unreachable';
    const longest = Math.max(0, ...waiting.map((l) => Date.now() - (l.unconfirmedSince ?? 0)));
    if (this.#kicking || longest < this.#patience) return;
    this.#kicking = true;
    this.#patience = longest + Math.min(longest, PATIENCE_AT_MOST_MS);
    try {
      await disableNetwork(this.db);
      await enableNetwork(this.db);
    } finally {
      this.#kicking = false;
    }
  }
}

const WITH_METADATA = { includeMetadataChanges: true } as const;

function same(a: DocumentReference | Query, b: DocumentReference | Query): boolean {
  if (a.type === 'document') return b.type === 'document' && refEqual(a, b);
  return b.type !== 'document' && queryEqual(a, b);
}

interface Listener extends Wanted {
  subscription: Subscription<unknown>;
  /** How many pages have it open; none only while it lingers. */
  users: number;
  stop: () => void;
  retry: ReturnType<typeof setTimeout> | undefined;
  unused: ReturnType<typeof setTimeout> | undefined;
  failures: number;
  /** Since when the server has not been heard, in milliseconds; undefined while it is, or after it refused. */
  unconfirmedSince: number | undefined;
}
