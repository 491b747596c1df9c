/** Every page: what it is called, what of the address it listens by, what it listens to, and what draws that. */

import type { Component } from 'svelte';
import { agentPage } from '../lib/agent';
import { costPage } from '../lib/cost';
import { overview } from '../lib/data';
import { healthPage } from '../lib/health';
import type { Listening } from '../lib/live.svelte';
import { taskPage } from '../lib/tasks';
import { tracePage } from '../lib/tracing';
import Agent from './Agent.svelte';
import Cost from './Cost.svelte';
import Fleet from './Fleet.svelte';
import Health from './Health.svelte';
import Task from './Task.svelte';
import Trace from './Trace.svelte';

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
  open: (listen: Listening, fleet: string, said: Readonly<Record<string, string | undefined>>) => T;
  view: Component<{ data: T; fleet: string }>;
}

/** Hold a page to one type of data from `open` to `view`. */
function page<T>(said: Page<T>): Page {
  return said as unknown as Page;
}

export const PAGES: readonly Page[] = [
  page({ name: 'fleet', title: 'Fleet', key: '1', open: overview, view: Fleet }),
  page({ name: 'cost', title: 'Cost', key: '2', by: ['range'], open: costPage, view: Cost }),
  page({ name: 'health', title: 'Health', key: '3', by: ['range'], open: healthPage, view: Health }),
  page({ name: 'agent', title: 'Agent', needs: ['agent'], by: ['range'], open: agentPage, view: Agent }),
  page({ name: 'task', title: 'Task', needs: ['task'], open: taskPage, view: Task }),
  page({ name: 'trace', title: 'Trace', needs: ['trace'], open: tracePage, view: Trace }),
];

/** The page of a name; the overview for one that does not exist, or lacks what it needs. */
export function pageOf(name: string, get: (name: string) => string | undefined): Page {
  const found = PAGES.find((p) => p.name === name);
  const overview = PAGES[0] as Page;
  return found?.needs?.every((need) => get(need) !== undefined) === false ? overview : (found ?? overview);
}
