/**
 * Loads the code of pages: that of the page in the address at once, that of the others while the browser is idle, so that a change of page
 * waits for nothing.
 */

import { PAGES, type Page, type PageModule } from '.';

const RETRY_MS = 5000;

class Loader {
  #modules = $state.raw<ReadonlyMap<Page, PageModule>>(new Map());
  #wanted: Page | undefined;
  #failed = $state.raw<Page>();
  #retry: ReturnType<typeof setInterval> | undefined;

  /** The code of a page; undefined until it is loaded. May be read reactively. */
  module(page: Page): PageModule | undefined {
    return this.#modules.get(page);
  }

  /** Whether the code of a page could not be loaded. */
  failed(page: Page): boolean {
    return this.#failed === page && !this.#modules.has(page);
  }

  /** Load the page in the address. */
  async load(page: Page): Promise<void> {
    this.#wanted = page;
    this.#failed = undefined;
    if ((await this.#fetch(page)) || this.#wanted !== page) return;
    this.#failed = page;
    this.#retry ??= setInterval(() => void this.#reload(), RETRY_MS);
    addEventListener('online', () => void this.#reload(), { once: true });
  }

  /** Load the other pages, one after the other, while the browser is idle. */
  async loadOthers(): Promise<void> {
    for (const page of PAGES) {
      await idle();
      await this.#fetch(page);
    }
  }

  async #fetch(page: Page): Promise<boolean> {
    if (this.#modules.has(page)) return true;
    try {
      const module = await page.load();
      this.#modules = new Map([...this.#modules, [page, module]]);
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Reload the document once the server answers, if a page is still missing.
   *
   * A browser may remember that a chunk failed and not ask for it again (whatwg/html #6768), and a deployment removes the chunks of the
   * version before. Nothing is lost, because the address holds the state of the page.
   */
  async #reload(): Promise<void> {
    const answer = await fetch(location.pathname, { method: 'HEAD', cache: 'no-store' }).catch(() => undefined);
    if (answer?.ok && this.#failed) location.reload();
  }
}

export const loader = new Loader();

function idle(): Promise<unknown> {
  // Safari has no such callback.
  const request = globalThis.requestIdleCallback ?? ((callback: () => void) => setTimeout(callback, 1000));
  return new Promise((resolve) => request(() => resolve(undefined)));
}
