import { asyncScheduler, defer, from, mergeMap, Observable, retry, timer } from 'rxjs';
import type { Answer, IncidentsOptions, Post } from '../../examples/logs/incidents.js';
import type { LogLine } from '../../examples/logs/logLine.js';

/** The API's limit as it is without `rateLimiter`: a queue for the whole stream, one request each 1/perSecond, and a pause that all obey. */
export function incidents(
  post: Post,
  { perSecond, scheduler = asyncScheduler }: IncidentsOptions,
): (line: LogLine) => Observable<Answer> {
  const waiting: (() => void)[] = [];
  const every = 1_000 / perSecond;
  let next = 0;
  let scheduled = false;

  function serve(): void {
    if (scheduled || waiting.length === 0) return;
    scheduled = true;
    const wait = Math.max(0, next - scheduler.now());
    scheduler.schedule(() => {
      scheduled = false;
      // A pause may have begun meanwhile.
      if (next <= scheduler.now()) {
        const grant = waiting.shift();
        if (grant) next = scheduler.now() + every;
        grant?.();
      }
      serve();
    }, wait);
  }

  const turn = new Observable<void>((subscriber) => {
    const grant = () => {
      subscriber.next();
      subscriber.complete();
    };
    waiting.push(grant);
    serve();
    return () => {
      const i = waiting.indexOf(grant);
      if (i >= 0) waiting.splice(i, 1);
    };
  });

  const accepted = (answer: Answer): readonly Answer[] => {
    if (answer.retryAfter !== undefined) next = Math.max(next, scheduler.now() + 1_000 * answer.retryAfter);
    if (answer.status >= 300) throw new Error(`the API answered with ${answer.status}`);
    return [answer];
  };
  return (line) =>
    turn.pipe(
      mergeMap(() => defer(() => from(post(line)))),
      mergeMap(accepted),
      retry({ count: 10, delay: (_, tries) => timer(50 * 2 ** tries, scheduler) }),
    );
}
