import { describe, expect, test } from 'vitest';
import golden from '../../../../tests/golden/scopes.json';
import { canonical, dimensionOf, isRest, nameOf, scopeOf, titleOf, titlesOf } from '../format/scopes';

/** tests/golden/write_scopes.py writes the file from tachograph_schema.counters.scopes. */
describe('the page builds and reads scopes as functions and the command line do', () => {
  test.each(golden.names)('the scope of the name $name, and back', ({ name, scope }) => {
    expect(scopeOf('agent', name)).toBe(scope);
    expect(nameOf(scope)).toBe(name);
  });

  test('no two names have one scope', () => {
    expect(new Set(golden.names.map(({ name }) => scopeOf('agent', name))).size).toBe(golden.names.length);
  });

  test.each(golden.scopes)('the scope $scope', ({ scope, canonical: today, dimension, titles, title, rest }) => {
    expect(canonical(scope)).toBe(today);
    expect(canonical(today)).toBe(today);
    expect(dimensionOf(scope)).toBe(dimension);
    expect(titlesOf(scope)).toEqual(titles);
    expect(titleOf(scope)).toBe(title);
    expect(isRest(scope)).toBe(rest);
  });
});

test('a reserved word is no name', () => {
  expect([nameOf('agent:_other'), nameOf('agent:_unknown'), nameOf('fleet')]).toEqual([undefined, undefined, undefined]);
});
