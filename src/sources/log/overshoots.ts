/** What one fetch returned beyond what was asked for, because a record batch is the smallest unit that a log returns. */
interface Overshoot {
  /** The target when it arrived. */
  readonly target: number;
  /** The offsets beyond the target. */
  readonly from: number;
  readonly end: number;
  /** Mean bytes of an offset in that fetch. */
  readonly size: number;
  readonly sampled: boolean;
}

/** What fetches have brought of one partition beyond its plan, until a batch reports it. */
export class Overshoots {
  #all: readonly Overshoot[] = [];

  add(overshoot: Overshoot): void {
    this.#all = [...this.#all, overshoot];
  }

  /** A range is planned: a sample overshoots a plan only as far as it reaches beyond it. */
  planned(from: number, until: number): void {
    this.#all = this.#all.flatMap((one) => afterPlan(one, from, until));
  }

  /** What was fetched beyond a plan up to `until`, since the last call. */
  take(until: number): { readonly records: number; readonly bytes: number } {
    const taken = this.#all.filter(({ target }) => target <= until);
    this.#all = this.#all.filter(({ target }) => target > until);
    return {
      records: taken.reduce((sum, { from, end }) => sum + end - from, 0),
      bytes: Math.round(taken.reduce((sum, { from, end, size }) => sum + (end - from) * size, 0)),
    };
  }

  clear(): void {
    this.#all = [];
  }
}

function afterPlan(overshoot: Overshoot, from: number, until: number): readonly Overshoot[] {
  if (!overshoot.sampled || overshoot.target !== from) return [overshoot];
  return overshoot.end > until ? [{ ...overshoot, target: until, from: Math.max(overshoot.from, until) }] : [];
}
