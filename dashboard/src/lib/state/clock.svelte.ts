/** The clock of the page, by which every age ticks once a second. */
class Clock {
  /** Milliseconds since the epoch, by the server's clock. */
  now = $state(Date.now());
  /** The start of the current minute, for layouts that need not change every second. */
  readonly minute = $derived(Math.floor(this.now / 60_000) * 60_000);
  #offset = 0;

  constructor() {
    setInterval(() => this.#tick(), 1000);
    // Browsers slow the timers of a hidden page down; a page that is shown again must not show old ages.
    document.addEventListener('visibilitychange', () => this.#tick());
  }

  /** Follow the server's time, because with a wrong clock everything would be stale, or nothing. */
  correct(serverNow: number): void {
    const offset = serverNow - Date.now();
    // Small offsets are ignored, because the header has whole seconds and is late by the transfer.
    this.#offset = Math.abs(offset) > 5000 ? offset : 0;
    this.#tick();
  }

  /** How long ago a moment was, in milliseconds. */
  since(at: number | undefined): number | undefined {
    return at === undefined ? undefined : this.now - at;
  }

  #tick(): void {
    this.now = Date.now() + this.#offset;
  }
}

export const clock = new Clock();
