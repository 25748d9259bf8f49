import {
  asyncScheduler,
  defer,
  from,
  mergeMap,
  type Observable,
  type ObservableInput,
  type SchedulerLike,
  throwError,
  timer,
} from 'rxjs';
import { checkFunction, checkScheduler } from '../options/checks.js';
import { checkLogClient } from '../sources/log/checkLogClient.js';
import type { LogClient } from '../sources/log/logClient.js';

/** The calls of a log client that may be disturbed. */
export type LogCall = 'connect' | 'partitions' | 'offsets' | 'committed' | 'commit' | 'fetch' | 'close';

/** What happens to a call: it takes longer, or it fails (after the delay). */
export interface LogFault {
  /** In ms of the scheduler. */
  readonly delay?: number;
  /** What the call fails with. Default: it succeeds, after `delay`. */
  readonly error?: unknown;
}

/**
 * A log client whose calls go wrong as scripted: for tests of slow fetches, lost brokers and failing commits, in virtual
 * time.
 *
 * `script` is asked at every call, with its name and how often it was made before; `undefined` lets the call through.
 *
 * @throws {InvalidOptionError} when `client` lacks a method, or `script` is not a function
 *
 * @example
 * ```ts
 * import { foreachBatch, logBatches, memoryLog, string } from 'dstream';
 * import { faultyLog } from 'dstream/testing';
 * import { retry } from 'rxjs';
 * import { TestScheduler } from 'rxjs/testing';
 *
 * new TestScheduler(() => {}).run(({ flush }) => {
 *   const log = memoryLog({ topics: { t: 1 } });
 *   log.append('t', [{ value: 'a' }]);
 *   const lost = faultyLog(log, (call, count) => (call === 'fetch' && count === 0 ? { error: 'lost' } : undefined));
 *   const stream = logBatches(lost, { topics: ['t'], start: 'earliest', interval: 10, deserialize: string() });
 *   const output = foreachBatch<string | null>((records) => console.log(records));
 *   const subscription = stream.pipe(output, retry(1)).subscribe(() => subscription.unsubscribe());
 *   flush();
 * });
 * // => [ 'a' ]
 * ```
 */
export function faultyLog(
  client: LogClient,
  script: (call: LogCall, count: number) => LogFault | undefined,
  scheduler: SchedulerLike = asyncScheduler,
): LogClient {
  checkLogClient('faultyLog', 'client', client);
  checkFunction('faultyLog', 'script', script);
  checkScheduler('faultyLog', 'scheduler', scheduler);
  const counts = new Map<LogCall, number>();
  const disturb = <R>(call: LogCall, proceed: () => ObservableInput<R>): Observable<R> =>
    defer(() => {
      const count = counts.get(call) ?? 0;
      counts.set(call, count + 1);
      const fault = script(call, count);
      if (!fault) return from(proceed());
      const outcome = defer(() => ('error' in fault ? throwError(() => fault.error) : from(proceed())));
      return fault.delay ? timer(fault.delay, scheduler).pipe(mergeMap(() => outcome)) : outcome;
    });
  return {
    name: `faulty ${client.name}`,
    connect: () => disturb('connect', () => client.connect()),
    partitions: (topics) => disturb('partitions', () => client.partitions(topics)),
    offsets: (partitions, point) => disturb('offsets', () => client.offsets(partitions, point)),
    committed: (groupId, partitions, options) =>
      disturb('committed', () => client.committed(groupId, partitions, options)),
    commit: (groupId, positions, member) => disturb('commit', () => client.commit(groupId, positions, member)),
    fetch: (requests, options) => disturb('fetch', () => client.fetch(requests, options)),
    ...(client.diverged && { diverged: client.diverged.bind(client) }),
    broker: (partition) => client.broker?.(partition),
    close: () => disturb('close', () => client.close()),
  };
}
