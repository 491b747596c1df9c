/** Whether the page is being printed, or shown as it would be: then tables are whole. */

import { flushSync } from 'svelte';

class Printing {
  now = $state(false);

  constructor() {
    const print = matchMedia('print');
    this.now = print.matches;
    print.addEventListener('change', () => this.#set(print.matches));
    // Printing lays out before it tells of the change of media: what is to be printed must be there at once.
    addEventListener('beforeprint', () => this.#set(true));
    addEventListener('afterprint', () => this.#set(false));
  }

  #set(now: boolean): void {
    this.now = now;
    flushSync();
  }
}

export const printing = new Printing();
