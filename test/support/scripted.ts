import type { DStreamError, Source } from 'dstream';
import { EMPTY, map, type Observable, of, tap, throwError, timer } from 'rxjs';
import { batchesOf } from '../../src/driver/batchesOf.js';
import { driverChecks } from '../../src/driver/driverChecks.js';
import { type DriverOptions, resolveDriverOptions } from '../../src/driver/driverOptions.js';
import { checkOptions } from '../../src/options/checkOptions.js';

interface Script {
  /** How long fetching batch i takes, ms. */
  readonly fetchDelay?: (i: number) => number;
  readonly fail?: (i: number) => unknown;
  readonly records?: (i: number) => readonly number[];
  readonly count?: number;
  readonly durable?: boolean;
  /** What a commit waits for. */
  readonly commit?: () => Observable<unknown>;
  /** Told whenever the ranges of a plan are gone through. */
  readonly look?: () => void;
}

/** A durable source of one partition: batch i has one record, i. Notes what is committed and how often it is opened. */
export function scripted(script: Script = {}) {
  const log = { committed: [] as number[], opened: 0, closed: 0, fetched: [] as number[] };
  const source: Source<number> = {
    kind: 'scripted',
    durable: script.durable ?? true,
    open: () => {
      log.opened++;
      let next = log.committed.at(-1) ?? 0;
      return of({
        plan: ({ rate }) => {
          if (next >= (script.count ?? 3)) return EMPTY;
          const allowed = rate(0);
          const ranges = watched([{ topic: 't', partition: 0, from: next, until: ++next }], script.look);
          return of({ ranges, lag: 0, rate: allowed });
        },
        fetch: ({ ranges }) => {
          const i = ranges[0]?.from ?? 0;
          log.fetched.push(i);
          const error = script.fail?.(i);
          if (error !== undefined) return throwError(() => error);
          const records = script.records?.(i) ?? [i];
          const fetched = { partitions: [{ index: 0, records, range: ranges[0]! }] };
          const wait = script.fetchDelay?.(i) ?? 0;
          return wait > 0 ? timer(wait).pipe(map(() => fetched)) : of(fetched);
        },
        commit: (ranges) => {
          const done = () => void log.committed.push(ranges[0]?.until ?? -1);
          if (script.commit) return script.commit().pipe(tap({ complete: done }));
          done();
          return EMPTY;
        },
        close: () => {
          log.closed++;
          return EMPTY;
        },
      });
    },
  };
  const stream = (given: Partial<DriverOptions> = {}) => {
    const options = { interval: 10, ...given };
    checkOptions('test', options, driverChecks);
    return batchesOf('s', source, resolveDriverOptions('test', options));
  };
  return { log, source, stream };
}

export function collect<T>(stream: Observable<T>, events: unknown[], project: (value: T) => unknown) {
  return stream.subscribe({
    next: (value) => events.push(project(value)),
    error: (error: DStreamError) => events.push(error.code ?? error),
    complete: () => events.push('complete'),
  });
}

function watched<E>(elements: readonly E[], look: () => void = () => {}): readonly E[] {
  const iterate = () => {
    look();
    return elements.values();
  };
  return Object.assign([...elements], { [Symbol.iterator]: iterate });
}
