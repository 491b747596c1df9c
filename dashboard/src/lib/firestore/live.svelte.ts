/**
 * Every Firestore listener of the dashboard.
 *
 * A page opens a `Listening` and closes it when it is left. Two pages that listen to the same document or query share one listener. An
 * unused listener stays open for 20 s, so that the next page, or the way back, has at once the values that it shares with the last.
 */

import {
  disableNetwork,
  enableNetwork,
  onSnapshot,
  queryEqual,
  refEqual,
  type DocumentReference,
  type DocumentSnapshot,
  type Firestore,
  type FirestoreError,
  type Query,
  type QueryDocumentSnapshot,
  type QuerySnapshot,
} from 'firebase/firestore';
import { untrack } from 'svelte';
import type { Fields } from '../documents/values';
import { Listening, type Request } from './listening';
import { Subscription, worst, type Status } from './subscription.svelte';

/** After so long without a confirmed snapshot the connection is restarted, because a stalled one never recovers. */
const PATIENCE_MS = 5000;
const PATIENCE_AT_MOST_MS = 30_000;
const RETRY_MS = 5000;
const RETRY_AT_MOST_MS = 60_000;
/** How long an unused listener stays open. */
const LINGER_MS = 20_000;
/** How long changes wait while the page is hidden and paints no frames. */
const HIDDEN_MS = 250;

/** The listeners of one viewer; `close` ends them all. */
export class Live {
  #listeners = $state.raw<readonly Listener[]>([]);
  #pending = new Map<Listener, () => void>();
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #patience = PATIENCE_MS;
  #restarting = false;
  readonly #watchdog = setInterval(() => void this.#watch(), 1000);
  readonly #wake = () => {
    if (!document.hidden) this.#patience = PATIENCE_MS;
  };

  /** Whether the page was left: it is closed, or kept for the way back. */
  #left = false;
  /** Without this, the server holds the listeners of a page that is gone until it notices by itself. */
  readonly #leave = () => {
    this.#left = true;
    void disableNetwork(this.db);
  };
  readonly #comeBack = () => {
    if (!this.#left) return;
    this.#left = false;
    this.#patience = PATIENCE_MS;
    for (const l of this.#listeners) if (l.unconfirmedSince !== undefined) l.unconfirmedSince = Date.now();
    void enableNetwork(this.db);
  };

  constructor(readonly db: Firestore) {
    document.addEventListener('visibilitychange', this.#wake);
    addEventListener('online', this.#wake);
    addEventListener('pagehide', this.#leave);
    addEventListener('pageshow', this.#comeBack);
  }

  /** Open the subscriptions of one page. */
  open(): Listening {
    return new Listening(this.db, (request) => this.#use(request));
  }

  /** The worst status of the page's subscriptions. */
  get status(): Status {
    return worst(this.#required.map((l) => l.subscription.status));
  }

  /** Whether the viewer is denied every subscription. */
  get denied(): boolean {
    return this.#required.length > 0 && this.#required.every((l) => l.subscription.phase === 'denied');
  }

  /** Listen again where the viewer was denied, after access was granted. */
  retryDenied(): void {
    for (const l of this.#listeners) if (l.subscription.phase === 'denied') this.#listen(l);
  }

  close(): void {
    clearInterval(this.#watchdog);
    clearTimeout(this.#timer);
    cancelAnimationFrame(this.#frame);
    document.removeEventListener('visibilitychange', this.#wake);
    removeEventListener('online', this.#wake);
    removeEventListener('pagehide', this.#leave);
    removeEventListener('pageshow', this.#comeBack);
    for (const l of this.#listeners) this.#end(l);
    this.#listeners = [];
    this.#pending.clear();
  }

  get #required(): readonly Listener[] {
    return this.#listeners.filter((l) => !l.optional && l.users > 0);
  }

  /** Give the subscription of a request, of a new listener where none fits, and the function that releases it. */
  #use(request: Request): [Subscription<unknown>, () => void] {
    let l = untrack(() => this.#listeners).find((other) => other.read === request.read && same(other.source, request.source));
    if (l === undefined) {
      const subscription = new Subscription<unknown>(request.freshness);
      const timers = { retry: undefined, linger: undefined };
      l = { ...request, ...timers, subscription, users: 0, stop: () => {}, failures: 0, unconfirmedSince: 0 };
      this.#listen(l);
    }
    clearTimeout(l.linger);
    this.#count(l, 1);
    let released = false;
    return [
      l.subscription,
      () => {
        if (!released) this.#count(l, -1);
        released = true;
        if (l.users === 0) l.linger = setTimeout(() => this.#drop(l), LINGER_MS);
      },
    ];
  }

  /** Change the number of users of a listener. The list is a new one, so that values derived from it are derived again. */
  #count(l: Listener, by: 1 | -1): void {
    l.users += by;
    this.#listeners = [...untrack(() => this.#listeners).filter((other) => other !== l), l];
  }

  #drop(l: Listener): void {
    if (l.users > 0) return;
    this.#end(l);
    this.#pending.delete(l);
    this.#listeners = this.#listeners.filter((other) => other !== l);
  }

  #end(l: Listener): void {
    clearTimeout(l.retry);
    clearTimeout(l.linger);
    l.stop();
  }

  #listen(l: Listener): void {
    clearTimeout(l.retry);
    l.stop();
    l.unconfirmedSince = Date.now();
    const failed = (error: FirestoreError) => this.#fail(l, error);
    const { source, read } = l;
    if (source.type === 'document') {
      const received = (s: DocumentSnapshot) => {
        this.#receive(l, s.metadata, () => (s.exists() ? read(s.id, s.data() as Fields) : null));
      };
      l.stop = onSnapshot(source, WITH_METADATA, received, failed);
    } else {
      // An unchanged document stays the same object, so that it is neither read nor drawn again.
      const cache = new Map<string, unknown>();
      const cached = (d: QueryDocumentSnapshot) => {
        if (!cache.has(d.id)) cache.set(d.id, read(d.id, d.data() as Fields));
        return cache.get(d.id);
      };
      const received = (s: QuerySnapshot) => {
        for (const change of s.docChanges()) cache.delete(change.doc.id);
        this.#receive(l, s.metadata, () => s.docs.map(cached));
      };
      l.stop = onSnapshot(source, WITH_METADATA, received, failed);
    }
  }

  /** Take a snapshot. One from the cache means that the server did not answer; the last confirmed value stays. */
  #receive(l: Listener, { fromCache }: { fromCache: boolean }, value: () => unknown): void {
    if (fromCache) {
      l.unconfirmedSince ??= Date.now();
      return;
    }
    l.unconfirmedSince = undefined;
    l.failures = 0;
    this.#defer(l, () => {
      l.subscription.value = value();
      l.subscription.phase = 'live';
      l.subscription.problem = '';
    });
  }

  #fail(l: Listener, error: FirestoreError): void {
    l.unconfirmedSince = undefined;
    const denied = error.code === 'permission-denied';
    this.#defer(l, () => {
      l.subscription.phase = denied ? 'denied' : 'error';
      l.subscription.problem = `${error.code}: ${error.message}`;
      if (denied) l.subscription.value = undefined;
    });
    if (denied) return;
    l.retry = setTimeout(() => this.#listen(l), Math.min(RETRY_MS * 2 ** l.failures++, RETRY_AT_MOST_MS));
  }

  /** Apply a change in the next frame; of a burst only the newest change of each subscription is applied. */
  #defer(l: Listener, apply: () => void): void {
    if (this.#pending.size === 0) {
      this.#frame = requestAnimationFrame(() => this.#flush());
      this.#timer = setTimeout(() => this.#flush(), HIDDEN_MS);
    }
    this.#pending.set(l, apply);
  }

  #flush(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    const changes = [...this.#pending.values()];
    this.#pending.clear();
    for (const apply of changes) apply();
  }

  /** Mark listeners that the server does not answer, and restart the connection when that lasts. */
  async #watch(): Promise<void> {
    const waiting = this.#listeners.filter((l) => l.unconfirmedSince !== undefined);
    if (waiting.length === 0) this.#patience = PATIENCE_MS;
    const waited = (l: Listener) => Date.now() - (l.unconfirmedSince ?? 0);
    for (const l of waiting) if (waited(l) > PATIENCE_MS) l.subscription.phase = 'unreachable';
    const longest = Math.max(0, ...waiting.map(waited));
    if (this.#left || this.#restarting || longest < this.#patience) return;
    this.#restarting = true;
    this.#patience = longest + Math.min(longest, PATIENCE_AT_MOST_MS);
    try {
      await disableNetwork(this.db);
      if (!this.#left) await enableNetwork(this.db);
    } finally {
      this.#restarting = false;
    }
  }
}

const WITH_METADATA = { includeMetadataChanges: true } as const;

function same(a: DocumentReference | Query, b: DocumentReference | Query): boolean {
  if (a.type === 'document') return b.type === 'document' && refEqual(a, b);
  return b.type !== 'document' && queryEqual(a, b);
}

interface Listener extends Request {
  subscription: Subscription<unknown>;
  /** The number of pages that have it open; 0 while it lingers. */
  users: number;
  stop: () => void;
  retry: ReturnType<typeof setTimeout> | undefined;
  linger: ReturnType<typeof setTimeout> | undefined;
  failures: number;
  /** Since when the server has not answered, in milliseconds; undefined while it does, or after it refused. */
  unconfirmedSince: number | undefined;
}
