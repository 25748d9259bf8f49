import type { Block, WriteAheadLog } from 'dstream';
import { concat, defer, from, map, throwError, timer } from 'rxjs';

/** What happens at a write: how long it takes before it is durable, and after that until it is told; or that it fails. */
export interface SlowWrite {
  readonly before: number;
  readonly after: number;
  readonly fails: boolean;
}

/** A log that takes its time, in the time of the scheduler of the test. `writes` has what was asked of it. */
export function slowWriteAheadLog(
  log: WriteAheadLog,
  next: () => SlowWrite,
): WriteAheadLog & { readonly blocks: readonly Block<unknown>[]; readonly released: readonly number[] } {
  const blocks: Block<unknown>[] = [];
  const released: number[] = [];
  return {
    location: log.location,
    blocks,
    released,
    open: (request) =>
      from(log.open(request)).pipe(
        map((session) => ({
          recovered: () => session.recovered(),
          check: (record: unknown) => session.check?.(record),
          append: (block: Block<unknown>) => {
            blocks.push({ from: block.from, records: block.records });
            const { before, after, fails } = next();
            const written = fails ? throwError(() => new Error('disk lost')) : defer(() => session.append(block));
            return concat(timer(before), written, timer(after));
          },
          release: (offset: number) => {
            released.push(offset);
            return session.release(offset);
          },
          close: () => session.close(),
        })),
      ),
  };
}
