/** The one clock of the page: every age ticks with it, once a second. */
class Clock {
  /** Milliseconds since the epoch, as the server has it. */
  now = $state(Date.now());
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

  #tick(): void {
    this.now = Date.now() + this.#offset;
  }
}

export const clock = new Clock();
