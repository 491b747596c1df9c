import { describe, expect, test } from 'vitest';
import defaults from '../../../../tests/golden/policy_defaults.json';
import stuck from '../../../../tests/golden/stuck.json';
import { DEFAULT_POLICY, readPolicy } from '../documents/fleet';
import { readSession } from '../documents/session';

/** tests/golden/write_stuck.py writes the file from tests/cases/liveness.yaml and the schema's answers. */
describe('the state of a session on the page is that of the functions and the terminal', () => {
  test.each(stuck)('$name', ({ session, state }) => {
    const dated = Object.entries(session as Record<string, unknown>).map(([name, value]) => [name, /_(at|since|until)$/.test(name) ? at(value) : value]);
    expect(readSession('s', Object.fromEntries(dated) as Record<string, unknown>).state).toBe(state);
  });
});

/** tests/golden/write_policy_defaults.py writes the file from tachograph_schema.documents.fleet. */
test('a fleet without settings has the defaults of the schema', () => {
  expect(DEFAULT_POLICY).toEqual(readPolicy('', defaults));
});

/** A moment as Firestore's client hands it on. */
function at(text: unknown): unknown {
  return { toMillis: () => Date.parse(String(text)) };
}
