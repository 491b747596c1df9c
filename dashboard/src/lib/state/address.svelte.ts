/** The address bar: which page of which fleet is shown, and how. All of the page's state that no document holds is in it. */

import { changed, queryOf, tokenIn } from './address';

export type Said = Readonly<Record<string, string | undefined>>;

class Address {
  #query = $state.raw(new URLSearchParams(location.search));

  constructor() {
    addEventListener('popstate', () => (this.#query = new URLSearchParams(location.search)));
    document.addEventListener('click', (event) => this.#follow(event));
  }

  /** What the address says by this name; undefined if nothing. May be read reactively. */
  get(name: string): string | undefined {
    return this.#query.get(name) || undefined;
  }

  get fleet(): string | undefined {
    return this.get('fleet');
  }

  get page(): string {
    return this.get('page') ?? 'fleet';
  }

  /** Where another page is, for an `<a href>`; clicks on such links are followed without loading the page anew. */
  to(page: string, said: Said = {}): string {
    return queryOf(this.#query, { page, ...said });
  }

  /** Where this page is with some of it changed: another range, another agent. */
  with(changes: Said): string {
    return changed(this.#query, changes);
  }

  /** Go to another page, as a click would. */
  go(href: string): void {
    if (href !== (location.search || '?')) history.pushState(null, '', location.pathname + href);
    this.#query = new URLSearchParams(location.search);
    scrollTo(0, 0);
  }

  /** Say how the page is shown, such as what it is sorted by: the way back does not lead through it. */
  say(changes: Said): void {
    history.replaceState(history.state, '', location.pathname + this.with(changes));
    this.#query = new URLSearchParams(location.search);
  }

  #follow(event: MouseEvent): void {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    const href = link?.getAttribute('href') ?? '';
    if (event.defaultPrevented || !plain || !href.startsWith('?') || link?.target) return;
    event.preventDefault();
    this.go(href);
  }
}

export const address = new Address();

/** Take the token out of `#token=...`, and out of the address bar and the history with it. */
export function takeToken(): string | undefined {
  const { token, rest } = tokenIn(location.hash);
  if (token !== undefined) history.replaceState(history.state, '', location.pathname + location.search + rest);
  return token || undefined;
}

/** Start afresh when a link that signs in is pasted into a page that is open already. */
export function reloadOnNewToken(): void {
  addEventListener('hashchange', () => {
    if (tokenIn(location.hash).token !== undefined) location.reload();
  });
}

/** Apply `?theme=dark` or `?theme=light`, for a wall display whose system says otherwise. */
export function applyTheme(theme: string | undefined): void {
  const { dataset } = document.documentElement;
  if (theme === 'dark' || theme === 'light') dataset['theme'] = theme;
  else delete dataset['theme'];
}

/** The other theme than the one that is seen. */
export function otherTheme(): 'dark' | 'light' {
  const said = document.documentElement.dataset['theme'];
  const dark = said ? said === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  return dark ? 'light' : 'dark';
}
