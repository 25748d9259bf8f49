interface Waiting<Q, A> {
  readonly question: Q;
  resolve(answer: A): void;
  reject(error: unknown): void;
}

/**
 * Unites the calls of one turn of the event loop: streams whose ticks coincide ask the same brokers for the same at the same time. `C`: the
 * call that is made for all, as the first of them made it.
 */
export class TurnCalls<Q, A, C = undefined> {
  readonly #send: (questions: readonly Q[], call: C) => Promise<A>;
  readonly #answerTo: (answer: A, question: Q) => A;
  readonly #waiting = new Map<string, Waiting<Q, A>[]>();

  /** `answerTo` returns what of the answer to all is for one of them. */
  constructor(send: (questions: readonly Q[], call: C) => Promise<A>, answerTo: (answer: A, question: Q) => A) {
    this.#send = send;
    this.#answerTo = answerTo;
  }

  /** Only calls of one `kind` are sent together. */
  ask(kind: string, question: Q, call: C): Promise<A> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(kind);
      const one = { question, resolve, reject };
      if (waiting) waiting.push(one);
      else {
        this.#waiting.set(kind, [one]);
        setImmediate(() => void this.#flush(kind, call));
      }
    });
  }

  async #flush(kind: string, call: C): Promise<void> {
    const all = this.#waiting.get(kind) ?? [];
    this.#waiting.delete(kind);
    try {
      const answer = await this.#send(
        all.map(({ question }) => question),
        call,
      );
      for (const { question, resolve } of all) resolve(this.#answerTo(answer, question));
    } catch (error) {
      for (const { reject } of all) reject(error);
    }
  }
}
