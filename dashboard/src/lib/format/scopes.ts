/**
 * Scopes, the names that counters are kept under: built and read here and nowhere else.
 *
 * What separates is escaped in names, by the rules of tachograph_schema.counters.scopes; tests/golden/scopes.json holds both languages
 * to the same scopes.
 */

export const REST = '_other';
export const NOT_KNOWN = '_unknown';

const ESCAPES: Readonly<Record<string, string>> = { '%': '%25', ':': '%3A', '=': '%3D', '|': '%7C' };
const CHARACTERS = Object.fromEntries(Object.entries(ESCAPES).map(([character, escape]) => [escape, character]));
const LITERALS: Readonly<Record<string, string>> = { '%5Funknown': NOT_KNOWN, '%5Fother': REST };

/** The scope of a name, such as `agent:builder-3`. */
export function scopeOf(kind: string, name: string): string {
  return `${kind}:${escaped(name)}`;
}

/** The dimension of a scope, such as `agent`, `type|model`, `label:team` or `fleet`. A label's key is escaped in it. */
export function dimensionOf(scope: string): string {
  const [kind, parts] = split(scope);
  return kind === 'label' ? `label:${parts[0]}` : kind;
}

/** The names in a scope for a person to read; a label's key is left out, and a name that is literally a reserved word is quoted. */
export function titlesOf(scope: string): string[] {
  const [kind, parts] = split(scope);
  return (kind === 'label' ? parts.slice(1) : parts).map((part) => (Object.hasOwn(LITERALS, part) ? `"${LITERALS[part]}"` : unescaped(part)));
}

/** The value of a scope in its dimension: `fix · claude-sonnet-4-5` of `type:fix|model:claude-sonnet-4-5`. */
export function titleOf(scope: string): string {
  return titlesOf(scope).join(' · ');
}

/** The name in a scope of one name, as it was given; undefined where it is a reserved word. */
export function nameOf(scope: string): string | undefined {
  const part = split(scope)[1][0];
  return part === undefined || part === REST || part === NOT_KNOWN ? undefined : unescaped(part);
}

/** The key of a label's dimension for a person to read. */
export function keyOf(dimension: string): string {
  return unescaped(dimension.slice('label:'.length));
}

/** Whether a scope is the rest of its dimension, in which the schema counts all but the costliest values. */
export function isRest(scope: string): boolean {
  const dimension = dimensionOf(scope);
  if (dimension === 'type|model') return scope === `type:${REST}|model:${REST}`;
  return scope === `${dimension}${dimension.startsWith('label:') ? '=' : ':'}${REST}`;
}

/** A scope as it is written today, whether it was written with escapes or before them. */
export function canonical(scope: string): string {
  const [kind, parts] = split(scope);
  const names = parts.map((part) => (part === REST || part === NOT_KNOWN ? part : escaped(unescaped(part))));
  if (names.length === 0) return scope;
  return kind === 'type|model' ? `type:${names[0]}|model:${names[1]}` : `${kind}:${names.join('=')}`;
}

function split(scope: string): [kind: string, parts: string[]] {
  const [kind, value] = cut(scope, ':');
  if (value === undefined) return [kind, []];
  if (kind === 'type' && value.includes('|model:')) return ['type|model', cut(value, '|model:') as string[]];
  if (kind === 'label' && value.includes('=')) return [kind, cut(value, '=') as string[]];
  return [kind, [value]];
}

/** A text before and after the first separator. */
function cut(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

function escaped(name: string): string {
  if (name === REST || name === NOT_KNOWN) return `%5F${name.slice(1)}`;
  return name.replace(/[%:=|]/g, (character) => ESCAPES[character] as string);
}

function unescaped(part: string): string {
  return Object.hasOwn(LITERALS, part)
    ? (LITERALS[part] as string)
    : part.replace(/%25|%3A|%3D|%7C/g, (escape) => CHARACTERS[escape] as string);
}
