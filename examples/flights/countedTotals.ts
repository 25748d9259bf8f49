import type { Flight } from './flight.js';
import type { Total } from './totals.js';

/** The totals of the flights that were written, beside those that the processes have counted. */
export class CountedTotals {
  readonly #written = new Map<string, Total>();
  readonly #counted = new Map<string, Total>();
  written = 0;
  counted = 0;
  /** Totals that are no larger than the one before: something was written twice. */
  doubled = 0;

  write(flights: readonly Flight[]): void {
    for (const { origin, delay } of flights) {
      const { departures, minutes } = this.#written.get(origin) ?? { departures: 0, minutes: 0 };
      this.#written.set(origin, { departures: departures + 1, minutes: minutes + delay });
    }
    this.written += flights.length;
  }

  count(origin: string, total: Total): void {
    const before = this.#counted.get(origin)?.departures ?? 0;
    if (total.departures <= before) this.doubled++;
    this.#counted.set(origin, total);
    this.counted += total.departures - before;
  }

  /** Airports whose totals are not those of the flights that were written. */
  get #wrong(): readonly string[] {
    return [...this.#written.keys()].filter((origin) => {
      const [written, counted] = [this.#written.get(origin), this.#counted.get(origin)];
      return written?.departures !== counted?.departures || written?.minutes !== counted?.minutes;
    });
  }

  get isRight(): boolean {
    return this.counted === this.written && this.doubled === 0 && this.#wrong.length === 0;
  }

  verdict(): string {
    const counts = `${this.counted} of ${this.written} departures of ${this.#written.size} airports are in the totals`;
    if (this.isRight) return `right: ${counts}, each once`;
    return `wrong: ${counts}; airports: ${this.#wrong.join(' ') || 'none'}; totals written twice: ${this.doubled}`;
  }
}
