/** The address bar: which page of which fleet is shown, and how. It holds all of the page's state that no document holds. */

import { changed, queryOf, tokenIn, type Params } from './address';

class Address {
  #query = $state.raw(new URLSearchParams(location.search));

  constructor() {
    addEventListener('popstate', () => (this.#query = new URLSearchParams(location.search)));
    document.addEventListener('click', (event) => this.#follow(event));
  }

  /** A parameter of the address; undefined where it has none. May be read reactively. */
  get(name: string): string | undefined {
    return this.#query.get(name) || undefined;
  }

  get fleet(): string | undefined {
    return this.get('fleet');
  }

  get page(): string {
    return this.get('page') ?? 'fleet';
  }

  /** The address of another page, for an `<a href>`; a click on such a link does not load the document anew. */
  to(page: string, params: Params = {}): string {
    return queryOf(this.#query, { page, ...params });
  }

  /** The address of this page with some parameters changed: another range, another agent. */
  with(changes: Params): string {
    return changed(this.#query, changes);
  }

  /** Go to another page, as a click would. */
  go(href: string): void {
    if (href !== (location.search || '?')) history.pushState(null, '', location.pathname + href);
    this.#query = new URLSearchParams(location.search);
    scrollTo(0, 0);
  }

  /** Change how the page is shown, such as its order, without a step in the history. */
  replace(changes: Params): void {
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

/** The theme that is not shown now. */
export function otherTheme(): 'dark' | 'light' {
  const chosen = document.documentElement.dataset['theme'];
  const dark = chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  return dark ? 'light' : 'dark';
}
