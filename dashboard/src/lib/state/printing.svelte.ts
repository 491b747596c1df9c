/** Whether the page is printed, or shown as in print: tables are whole then. */

import { flushSync } from 'svelte';

class Printing {
  active = $state(false);

  constructor() {
    const print = matchMedia('print');
    this.active = print.matches;
    print.addEventListener('change', () => this.#set(print.matches));
    // The browser lays the page out before it reports the change of media, so that the change must be applied at once.
    addEventListener('beforeprint', () => this.#set(true));
    addEventListener('afterprint', () => this.#set(false));
  }

  #set(active: boolean): void {
    this.active = active;
    flushSync();
  }
}

export const printing = new Printing();
