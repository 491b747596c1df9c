/** The trace page: what it listens to, and the links to Cloud Trace. */

import { collection, limit, query, type Firestore } from 'firebase/firestore';
import { readBatch, type Batch } from '../documents/batch';
import type { Listening } from '../firestore/listening';
import { inFleet } from '../firestore/queries';
import type { Subscription } from '../firestore/subscription.svelte';
import type { Params } from '../state/address';

/** Batches of up to 1,000 spans. */
export const MOST_BATCHES = 60;

export function tracePage(listen: Listening, fleet: string, params: Params) {
  const trace = params['trace'] as string;
  return { trace, batches: batchesOf(listen, fleet, trace, MOST_BATCHES), cloud: cloudTrace(projectOf(listen.db), trace) };
}

export type TracePage = ReturnType<typeof tracePage>;

/** The batches of a trace; an invalid id has none. */
export function batchesOf(listen: Listening, fleet: string, trace: string, most: number): Subscription<readonly Batch[]> {
  const id = /^[0-9a-f]{32}$/.test(trace) ? trace : 'none';
  return listen.list(query(collection(inFleet(listen, fleet).document('traces', id), 'batches'), limit(most)), readBatch);
}

/** The cloud project of the page's data; undefined with an emulator. */
export function projectOf(db: Firestore): string | undefined {
  const { settings } = db.toJSON() as { settings?: { host?: string } };
  const inCloud = settings?.host === undefined || settings.host.endsWith('googleapis.com');
  return inCloud ? db.app.options.projectId : undefined;
}

/** The address of a trace in Cloud Trace; undefined without a cloud project or a valid id. */
export function cloudTrace(project: string | undefined, trace: string | undefined): string | undefined {
  if (!project || project.startsWith('demo-') || !trace || !/^[0-9a-f]{32}$/.test(trace)) return undefined;
  return `https://console.cloud.google.com/traces/explorer;traceId=${trace}?project=${encodeURIComponent(project)}`;
}

/** The trace that a W3C traceparent names. */
export function traceIn(traceparent: string | undefined): string | undefined {
  const id = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/.exec(traceparent ?? '')?.[1];
  return id === '0'.repeat(32) ? undefined : id;
}
