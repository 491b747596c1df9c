/** Parameters of an address, read and written without a browser. */

export type Params = Readonly<Record<string, string | undefined>>;

/** Parameters that every page keeps; the others belong to one page. */
const KEPT = ['fleet', 'range', 'theme'] as const;

/** Whether a fleet may be called so; as tachograph_schema.paths.check_fleet_name. */
export function isFleetName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(name);
}

/** The query of another page, or of another agent's or task's: fleet, range and theme are kept, the others are as given. */
export function queryOf(query: URLSearchParams, params: Params): string {
  const kept = KEPT.map((name) => [name, query.get(name) ?? undefined]);
  return written({ ...Object.fromEntries(kept), ...params });
}

/** The query of the same page with some parameters changed; undefined removes one. */
export function changed(query: URLSearchParams, changes: Params): string {
  return written({ ...Object.fromEntries(query), ...changes });
}

/** Take `token` out of a hash such as `#token=...`: the token, and the rest of the hash. */
export function tokenIn(hash: string): { token: string | undefined; rest: string } {
  const parts = new URLSearchParams(hash.replace(/^#/, ''));
  const token = parts.get('token');
  parts.delete('token');
  return { token: token ?? undefined, rest: token === null ? hash : parts.size ? `#${parts}` : '' };
}

/** The fleet comes first, the overview is not named, and slashes, colons and commas stay readable. */
function written(params: Params): string {
  const { fleet, page, ...rest } = params;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ fleet, page: page === 'fleet' ? undefined : page, ...rest })) {
    if (value !== undefined && value !== '') query.set(name, value);
  }
  return `?${query}`.replaceAll('%2F', '/').replaceAll('%3A', ':').replaceAll('%2C', ',');
}
