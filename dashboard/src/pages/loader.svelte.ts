/**
 * The pages' code, as it comes: that of the page in the address at once, the others' when there is nothing else to do, so that a change
 * of page waits for nothing.
 */

import { PAGES, type Code, type Page } from '.';

const RETRY_MS = 5000;

class Pages {
  #come = $state.raw<ReadonlyMap<Page, Code>>(new Map());
  #asked: Page | undefined;
  #missing = $state.raw<Page>();
  #retry: ReturnType<typeof setInterval> | undefined;

  /** The code of a page; undefined until it has come. May be read reactively. */
  of(page: Page): Code | undefined {
    return this.#come.get(page);
  }

  /** Whether a page that was asked for did not come. */
  lacks(page: Page): boolean {
    return this.#missing === page && !this.#come.has(page);
  }

  /** Load a page that is to be shown. */
  async ask(page: Page): Promise<void> {
    this.#asked = page;
    this.#missing = undefined;
    if ((await this.#load(page)) || this.#asked !== page) return;
    this.#missing = page;
    this.#retry ??= setInterval(() => void this.#reload(), RETRY_MS);
    addEventListener('online', () => void this.#reload(), { once: true });
  }

  /** Load what there is besides, one after the other, while nothing else happens. */
  async rest(): Promise<void> {
    for (const page of PAGES) {
      await idle();
      await this.#load(page);
    }
  }

  async #load(page: Page): Promise<boolean> {
    if (this.#come.has(page)) return true;
    try {
      const code = await page.load();
      this.#come = new Map([...this.#come, [page, code]]);
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Load everything anew once the server answers, if a page is still missing.
   *
   * A browser may remember that a chunk did not come and not ask again (whatwg/html #6768), and after a deployment the chunks of the old
   * page are gone. The address says all there is to say of what is shown, so nothing is lost.
   */
  async #reload(): Promise<void> {
    const answer = await fetch(location.pathname, { method: 'HEAD', cache: 'no-store' }).catch(() => undefined);
    if (answer?.ok && this.#missing) location.reload();
  }
}

export const code = new Pages();

function idle(): Promise<unknown> {
  // Safari has no such callback.
  return new Promise((then) => (globalThis.requestIdleCallback ?? ((soon: () => void) => setTimeout(soon, 1000)))(() => then(undefined)));
}
