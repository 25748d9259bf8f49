import { rateLimiter } from 'dstream';
import { from, mergeMap, type Observable, type ObservableInput, retry, type SchedulerLike, timer } from 'rxjs';
import type { LogLine } from './logLine.js';

/** The answer of the API, as far as it matters here. */
export interface Answer {
  readonly status: number;
  /** The header `Retry-After`, in seconds. */
  readonly retryAfter?: number;
}

/** Sends one line to the API. */
export type Post = (line: LogLine) => ObservableInput<Answer>;

export interface IncidentsOptions {
  readonly perSecond: number;
  readonly scheduler?: SchedulerLike;
}

/**
 * Reports lines to an API that allows `perSecond` requests a second: one bucket for all batches and retries. Where the API demands a pause,
 * everybody waits.
 */
export function incidents(
  post: Post,
  { perSecond, scheduler }: IncidentsOptions,
): (line: LogLine) => Observable<Answer> {
  const limiter = rateLimiter({ perSecond, burst: 1, ...(scheduler && { scheduler }) });
  const accepted = (answer: Answer): readonly Answer[] => {
    if (answer.retryAfter !== undefined) limiter.pause(1_000 * answer.retryAfter);
    if (answer.status >= 300) throw new Error(`the API answered with ${answer.status}`);
    return [answer];
  };
  return (line) =>
    limiter
      .run(() => from(post(line)).pipe(mergeMap(accepted)))
      .pipe(retry({ count: 10, delay: (_, tries) => timer(50 * 2 ** tries, scheduler) }));
}
