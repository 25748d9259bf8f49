/** Signs of life in a lease. */
const beatsPerLease = 5;
const maxTimerMs = 2 ** 31 - 1;

/**
 * Sends a sign of life at regular times until it is stopped, one at a time. One that fails is left out: what the owner writes will
 * fail too. It does not keep the process alive.
 */
export class Heartbeat {
  readonly #timer: NodeJS.Timeout;
  #beating: Promise<void> | undefined;
  #count = 0;

  constructor(leaseTime: number, beat: (count: number) => Promise<unknown>) {
    this.#timer = setInterval(
      () => {
        if (this.#beating) return;
        this.#beating = Promise.resolve(beat(++this.#count)).then(
          () => this.#settled(),
          () => this.#settled(),
        );
      },
      Math.min(leaseTime / beatsPerLease, maxTimerMs),
    );
    this.#timer.unref();
  }

  /** No sign is being given when it settles. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
  }

  #settled(): void {
    this.#beating = undefined;
  }
}
