/** The connection to Firebase, with the configuration of Hosting's reserved addresses, and the viewer who is signed in. */

import { initializeApp, type FirebaseOptions } from 'firebase/app';
import {
  browserLocalPersistence,
  connectAuthEmulator,
  indexedDBLocalPersistence,
  initializeAuth,
  signInWithCustomToken,
  type Auth,
} from 'firebase/auth';
import { connectFirestoreEmulator, initializeFirestore, type Firestore } from 'firebase/firestore';
import { clock } from '../state/clock.svelte';
import { emulatorsIn, endChannels, hostOf } from './emulators';

const CONFIGURATION = '/__/firebase/init.json';
const EMULATORS = '/__/firebase/init.js?useEmulator=true';

export interface Connection {
  auth: Auth;
  db: Firestore;
}

export interface Viewer {
  uid: string;
  /** The first fleet that the viewer's token is for. */
  fleet: string | undefined;
  /** All fleets that it is for. */
  fleets: readonly string[];
}

/** Why there is nothing to see yet, in words for the viewer. */
export class SignInProblem extends Error {
  constructor(
    readonly kind: 'not-hosted' | 'signed-out' | 'refused' | 'unreachable',
    readonly detail = '',
  ) {
    super(detail || kind);
  }
}

/** Connect to the project this page is served for, or to its emulators. Raises SignInProblem. */
export async function connect(): Promise<Connection> {
  const config = (await fetched(CONFIGURATION, (r) => r.json())) as FirebaseOptions;
  const { auth: authEmulator, firestore } = emulatorsIn(await fetched(EMULATORS, (r) => r.text()));
  const host = location.hostname;
  const app = initializeApp(config);
  const auth = initializeAuth(app, { persistence: [indexedDBLocalPersistence, browserLocalPersistence] });
  if (authEmulator) connectAuthEmulator(auth, `http://${hostOf(authEmulator, host)}:${authEmulator.port}`, { disableWarnings: true });
  // Streaming stalls for good in about 1 of 40 first listens to the emulator; long polling never did.
  // The emulators' functions write to the default database.
  const db = firestore ? initializeFirestore(app, { experimentalForceLongPolling: true }) : initializeFirestore(app, {}, database());
  if (firestore) {
    connectFirestoreEmulator(db, hostOf(firestore, host), firestore.port);
    endChannels();
  }
  return { auth, db };
}

/** Sign in with the token of a link, else as the viewer of the last visit. Raises SignInProblem. */
export async function signIn(auth: Auth, token: string | undefined): Promise<Viewer> {
  await auth.authStateReady();
  if (token !== undefined) {
    try {
      await signInWithCustomToken(auth, token);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'auth/network-request-failed') throw new SignInProblem('unreachable', code);
      // An old link in a browser that is signed in for the same fleet still leads there.
      if ((await currentViewer(auth, false))?.fleet !== fleetOf(token)) throw new SignInProblem('refused', code);
    }
  }
  const viewer = await currentViewer(auth, false);
  if (viewer === undefined) throw new SignInProblem('signed-out');
  return viewer;
}

/** The viewer who is signed in; `refresh` asks for a new token, which has the claims granted meanwhile. */
export async function currentViewer(auth: Auth, refresh: boolean): Promise<Viewer | undefined> {
  if (auth.currentUser === null) return undefined;
  try {
    const { claims } = await auth.currentUser.getIdTokenResult(refresh);
    const fleets = [claims['fleet'], claims['fleets']].flat().filter((name): name is string => typeof name === 'string' && name !== '');
    return { uid: auth.currentUser.uid, fleet: fleets[0], fleets };
  } catch (error) {
    const code = codeOf(error);
    if (code === 'auth/network-request-failed') throw new SignInProblem('unreachable', code);
    return undefined;
  }
}

/** The name of the database, as the deployment wrote it into the page. */
function database(): string {
  return document.querySelector<HTMLMetaElement>('meta[name=firestore-database]')?.content || '(default)';
}

async function fetched<T>(path: string, read: (response: Response) => Promise<T>): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { cache: 'no-store' });
  } catch {
    throw new SignInProblem('unreachable', path);
  }
  const date = Date.parse(response.headers.get('date') ?? '');
  if (Number.isFinite(date)) clock.correct(date + 1000 * Number(response.headers.get('age') ?? 0));
  if (!response.ok) throw new SignInProblem('not-hosted', `${path} answered ${response.status}`);
  try {
    return await read(response);
  } catch {
    throw new SignInProblem('not-hosted', `${path} holds no configuration`);
  }
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
}

function fleetOf(token: string): unknown {
  try {
    const payload = token.split('.')[1] ?? '';
    const { claims } = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
    return (claims as { fleet?: unknown } | undefined)?.fleet ?? null;
  } catch {
    return null;
  }
}
