/** Every page: what it is called, what of the address it listens by, and where its code is. */

import type { Component } from 'svelte';
import type { Listening } from '../lib/firestore/listening';
import * as Fleet from './Fleet.svelte';

export interface Page<T = unknown> {
  /** As the address has it. */
  name: string;
  title: string;
  /** The key that leads here, of the pages that the bar lists; the others are led to by links. */
  key?: string;
  /** Names in the address without which there is nothing to show. */
  needs?: readonly string[];
  /** Further names that change what is listened to. */
  by?: readonly string[];
  load: () => Promise<Code<T>>;
}

/** What the module of a page exports. */
export interface Code<T = unknown> {
  open: (listen: Listening, fleet: string, said: Readonly<Record<string, string | undefined>>) => T;
  default: Component<{ data: T; fleet: string }>;
}

/** Hold a page to one type of data from `open` to what draws it. */
function page<T>(said: Page<T>): Page {
  return said as unknown as Page;
}

// Most open the overview first: its code is the shell's, each other's a chunk of its own.
export const PAGES: readonly Page[] = [
  page({ name: 'fleet', title: 'Fleet', key: '1', load: () => Promise.resolve(Fleet) }),
  page({ name: 'cost', title: 'Cost', key: '2', by: ['range'], load: () => import('./Cost.svelte') }),
  page({ name: 'health', title: 'Health', key: '3', by: ['range'], load: () => import('./Health.svelte') }),
  page({ name: 'agent', title: 'Agent', needs: ['agent'], by: ['range'], load: () => import('./Agent.svelte') }),
  page({ name: 'task', title: 'Task', needs: ['task'], load: () => import('./Task.svelte') }),
  page({ name: 'trace', title: 'Trace', needs: ['trace'], load: () => import('./Trace.svelte') }),
];

/** The page of a name; the overview for one that does not exist, or lacks what it needs. */
export function pageOf(name: string, get: (name: string) => string | undefined): Page {
  const found = PAGES.find((p) => p.name === name);
  const overview = PAGES[0] as Page;
  return found?.needs?.every((need) => get(need) !== undefined) === false ? overview : (found ?? overview);
}
