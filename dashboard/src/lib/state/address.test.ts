import { describe, expect, test } from 'vitest';
import { changed, isFleetName, queryOf, tokenIn } from './address';

const here = new URLSearchParams('?fleet=acme&page=agent&agent=a&range=7d&theme=light&sort=cost');

describe('an address', () => {
  test('of another page keeps the fleet, the range and the theme, and nothing else', () => {
    expect(queryOf(here, { page: 'cost' })).toBe('?fleet=acme&page=cost&range=7d&theme=light');
    expect(queryOf(here, { page: 'agent', agent: 'user-83/8e f&x' })).toBe('?fleet=acme&page=agent&range=7d&theme=light&agent=user-83/8e+f%26x');
  });

  test('of the overview does not name it', () => {
    expect(queryOf(new URLSearchParams('fleet=acme'), { page: 'fleet' })).toBe('?fleet=acme');
  });

  test('reads as it was written', () => {
    const written = queryOf(here, { page: 'task', task: 'ä/ö&=+#%2F:' });
    expect(new URLSearchParams(written).get('task')).toBe('ä/ö&=+#%2F:');
  });

  test('of the same page changes what is said and takes away what is not', () => {
    expect(changed(here, { range: '24h', sort: undefined })).toBe('?fleet=acme&page=agent&agent=a&range=24h&theme=light');
  });
});

test('a token is taken out of the hash, what else is in it stays', () => {
  expect(tokenIn('#token=abc')).toEqual({ token: 'abc', rest: '' });
  expect(tokenIn('#token=abc&x=1')).toEqual({ token: 'abc', rest: '#x=1' });
  expect(tokenIn('#tokens')).toEqual({ token: undefined, rest: '#tokens' });
  expect(tokenIn('')).toEqual({ token: undefined, rest: '' });
});

test('a fleet’s name is a name, not a path', () => {
  expect(['acme', 'a.b-c_1', '0'].every(isFleetName)).toBe(true);
  expect(['', '-a', 'a/b', 'a b', 'x'.repeat(64)].some(isFleetName)).toBe(false);
});
