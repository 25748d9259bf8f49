import { defer, last, Observable, type ObservableInput, Subscription } from 'rxjs';

interface Call<Q, A> {
  readonly question: Q;
  answer(answer: A): void;
  fail(error: unknown): void;
}

/**
 * Sends the calls of one turn as one, by kind. Several tasks or streams ask the same of a log at each tick: a request for each would cost as much
 * as all else that they do.
 */
export class GatheredCalls<Q, A> {
  readonly #later: (work: () => void) => void;
  readonly #send: (questions: readonly Q[]) => ObservableInput<A>;
  readonly #answerTo: (answer: A, question: Q) => A;
  readonly #waiting = new Map<string, Set<Call<Q, A>>>();

  /** `later` runs what ends the turn; `answerTo` returns what of the answer to all is for one of them. */
  constructor(
    later: (work: () => void) => void,
    send: (questions: readonly Q[]) => ObservableInput<A>,
    answerTo: (answer: A, question: Q) => A,
  ) {
    this.#later = later;
    this.#send = send;
    this.#answerTo = answerTo;
  }

  /** Only calls of one `kind` are sent together. */
  ask(kind: string, question: Q): Observable<A> {
    return new Observable((subscriber) => {
      const call: Call<Q, A> = {
        question,
        answer: (answer) => {
          subscriber.next(this.#answerTo(answer, question));
          subscriber.complete();
        },
        fail: (error) => subscriber.error(error),
      };
      const waiting = this.#waiting.get(kind);
      if (waiting) waiting.add(call);
      else {
        const calls = new Set([call]);
        this.#waiting.set(kind, calls);
        this.#later(() => this.#flush(kind, calls));
      }
      return () => this.#waiting.get(kind)?.delete(call);
    });
  }

  #flush(kind: string, calls: Set<Call<Q, A>>): void {
    this.#waiting.delete(kind);
    const all = [...calls];
    if (all.length === 0) return;
    const sent = new Subscription();
    const settle = (tell: (call: Call<Q, A>) => void): void => {
      sent.unsubscribe();
      for (const call of all) tell(call);
    };
    const answer = defer(() => this.#send(all.map(({ question }) => question))).pipe(last());
    sent.add(
      answer.subscribe({
        next: (value) => settle((call) => call.answer(value)),
        error: (error: unknown) => settle((call) => call.fail(error)),
      }),
    );
  }
}
