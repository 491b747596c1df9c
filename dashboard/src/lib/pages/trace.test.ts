import { expect, test } from 'vitest';
import { cloudTrace, traceIn } from './trace';

const TRACE = '0af7651916cd43dd8448eb211c80319c';

test('a traceparent names its trace, anything else none', () => {
  expect(traceIn(`00-${TRACE}-b7ad6b7169203331-01`)).toBe(TRACE);
  for (const none of [undefined, '', 'x', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, `00-${TRACE.toUpperCase()}-b7ad6b7169203331-01`]) expect(traceIn(none)).toBeUndefined();
});

test('Cloud Trace is linked to only for a project in the cloud and an id that is one', () => {
  expect(cloudTrace('acme-fleet', TRACE)).toBe(`https://console.cloud.google.com/traces/explorer;traceId=${TRACE}?project=acme-fleet`);
  expect(cloudTrace(undefined, TRACE)).toBeUndefined();
  expect(cloudTrace('demo-tachograph', TRACE)).toBeUndefined();
  expect(cloudTrace('acme-fleet', 'javascript:alert(1)')).toBeUndefined();
});
