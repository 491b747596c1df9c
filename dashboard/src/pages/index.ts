/** The list of pages: their names, the parameters of the address that they listen by, and where their code is. */

import type { Component } from 'svelte';
import type { Listening } from '../lib/firestore/listening';
import type { Params } from '../lib/state/address';
import * as Fleet from './Fleet.svelte';

export interface Page<T = unknown> {
  /** As the address has it. */
  name: string;
  title: string;
  /** The key that leads here; the bar lists the pages that have one, links lead to the others. */
  key?: string;
  /** Parameters without which there is nothing to show. */
  needs?: readonly string[];
  /** Further parameters that change the documents listened to. */
  options?: readonly string[];
  load: () => Promise<PageModule<T>>;
}

/** The exports of a page's component. */
export interface PageModule<T = unknown> {
  open: (listen: Listening, fleet: string, params: Params) => T;
  default: Component<{ data: T; fleet: string }>;
}

/** Hold a page to one type of data from `open` to its component. */
function page<T>(entry: Page<T>): Page {
  return entry as unknown as Page;
}

// Most viewers open the overview first: its code comes with the shell's, each other page's is a chunk of its own.
export const PAGES: readonly Page[] = [
  page({ name: 'fleet', title: 'Fleet', key: '1', load: () => Promise.resolve(Fleet) }),
  page({ name: 'cost', title: 'Cost', key: '2', options: ['range'], load: () => import('./Cost.svelte') }),
  page({ name: 'health', title: 'Health', key: '3', options: ['range'], load: () => import('./Health.svelte') }),
  page({ name: 'agent', title: 'Agent', needs: ['agent'], options: ['range'], load: () => import('./Agent.svelte') }),
  page({ name: 'task', title: 'Task', needs: ['task'], load: () => import('./Task.svelte') }),
  page({ name: 'trace', title: 'Trace', needs: ['trace'], load: () => import('./Trace.svelte') }),
];

/** The page of a name; the overview for an unknown name, or where the address lacks a parameter that the page needs. */
export function pageOf(name: string, get: (name: string) => string | undefined): Page {
  const wanted = PAGES.find((p) => p.name === name && (p.needs ?? []).every((need) => get(need) !== undefined));
  return wanted ?? (PAGES[0] as Page);
}
