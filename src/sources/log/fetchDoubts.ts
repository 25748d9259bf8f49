/** After as many fetches in a row that bring damage it is taken for that of the log, whatever each of them brings. */
const maxDamages = 8;

/** A log that has grown by more offsets since it was heard last is asked once more. */
const maxGrowth = 2 ** 20;

/**
 * What fetches of one partition have brought and was not believed: what no checksum covers, or does not fit it, may be damage on its way, and is
 * believed once two fetches have brought the same.
 */
export class FetchDoubts {
  #doubt: string | undefined;
  /** How many fetches in a row have brought damage at `#damagedAt`. */
  #damages = 0;
  #damagedAt = -1;
  #heardFarEnd = false;

  /** Whether a fetch has brought this before. */
  believes(what: string): boolean {
    const isKnown = this.#doubt === what;
    this.#doubt = isKnown ? undefined : what;
    return isKnown;
  }

  /**
   * Whether the damage at an offset is in the log: a fetch has brought the same before. What differs from fetch to fetch happens on the
   * way; but a log that grows may look different each time.
   */
  believesDamage(offset: number, reason: string): boolean {
    this.#damages = offset === this.#damagedAt ? this.#damages + 1 : 1;
    this.#damagedAt = offset;
    return this.believes(`damage at ${offset}: ${reason}`) || this.#damages >= maxDamages;
  }

  /** Whether the log ends there, as far as is known it ended at `known`: an end beyond the log would plan records that are not there. */
  believesEnd(end: number, known: number): boolean {
    const isFar = end - known > maxGrowth;
    const isBelieved = !isFar || this.#heardFarEnd;
    this.#heardFarEnd = isFar;
    return isBelieved;
  }
}
