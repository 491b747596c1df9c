/** The one clock of the page: every age ticks with it, once a second. */
class Clock {
  /** Milliseconds since the epoch, as the server has it. */
  now = $state(Date.now());
  /** The minute that has begun: what is laid out by the minute need not be laid out anew every second. */
  readonly minute = $derived(Math.floor(this.now / 60_000) * 60_000);
  #offset = 0;

  constructor() {
    setInterval(() => this.#tick(), 1000);
    // Timers of a hidden page are slowed down; what is looked at again must not show an old age.
    document.addEventListener('visibilitychange', () => this.#tick());
  }

  /** Go by the server's time: a laptop whose clock is wrong would call everything stale, or nothing. */
  correct(serverNow: number): void {
    const offset = serverNow - Date.now();
    // The header has whole seconds and took a moment to get here.
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
