import {
  type Checkpoint,
  concatMapBatch,
  type DriverOptions,
  foreachBatch,
  foreachPartition,
  fromBatches,
  InvalidOptionError,
  type Source,
  TimedOutError,
} from 'dstream';
import { EMPTY, from, map, NEVER, Observable, of, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { batchesOf } from '../../src/driver/batchesOf.js';
import { resolveDriverOptions } from '../../src/driver/driverOptions.js';
import { recordingMonitor } from '../support/recordingMonitor.js';
import { scripted } from '../support/scripted.js';
import { virtual } from '../support/virtual.js';

/** When and with what a stream fails whose work hangs. */
function failureOf(subscribe: (fail: (error: unknown) => void) => void): readonly [number, unknown] | undefined {
  let failure: readonly [number, unknown] | undefined;
  virtual((scheduler) => {
    subscribe((error) => {
      failure = [scheduler.now(), error];
    });
  });
  return failure;
}

/** A source of which one method never answers. */
function hanging(method: 'plan' | 'fetch' | 'commit') {
  const { source } = scripted();
  const hung: Source<number> = {
    ...source,
    open: (setup) => from(source.open(setup)).pipe(map((run) => ({ ...run, [method]: () => NEVER }))),
  };
  return (options: Partial<DriverOptions>) =>
    batchesOf('s', hung, resolveDriverOptions('test', { interval: 10, ...options }));
}

describe('stepTimeout', () => {
  it.each([
    ['plan', 'planning batch 10', 60],
    ['fetch', 'reading batch 10', 60],
    ['commit', 'committing batch 10', 60],
  ] as const)('ends a %s that never answers', (method, what, at) => {
    const { monitor, lines } = recordingMonitor();
    const failure = failureOf((fail) => {
      hanging(method)({ stepTimeout: 50, monitors: [monitor] })
        .pipe(foreachBatch(() => {}))
        .subscribe({ error: fail });
    });
    expect(failure).toEqual([at, new TimedOutError(what, 50)]);
    expect(lines.find((line) => line.includes(' failed 10 '))).toContain(`failed 10 ${method} `);
  });

  it('ends a save that never answers, and what it was doing', () => {
    let left = false;
    const save = () =>
      new Observable(() => () => {
        left = true;
      });
    const session = { restored: undefined, plan: () => EMPTY, encode: () => 0, save, close: () => EMPTY };
    const checkpoint: Checkpoint = { location: 'nowhere', open: () => of(session) };
    const failure = failureOf((fail) => {
      scripted()
        .stream({ checkpoint, stepTimeout: 50 })
        .pipe(foreachBatch(() => {}))
        .subscribe({ error: fail });
    });
    expect(failure).toEqual([60, new TimedOutError('saving batch 10', 50)]);
    expect(left).toBe(true);
  });

  it('leaves alone what is slow and in time', () => {
    const { stream, log } = scripted({ fetchDelay: () => 49 });
    expect(
      failureOf((fail) =>
        stream({ stepTimeout: 50 })
          .pipe(foreachBatch(() => {}))
          .subscribe({ error: fail }),
      ),
    ).toBeUndefined();
    expect(log.committed).toEqual([1, 2, 3]);
  });
});

describe('outputTimeout', () => {
  it.each([
    ['foreachBatch', foreachBatch<string>(() => NEVER), 'foreachBatch of batch 10'],
    [
      'foreachBatch with an id',
      foreachBatch<string>(() => NEVER, { id: 'orders' }),
      'foreachBatch "orders" of batch 10',
    ],
    ['concatMapBatch', concatMapBatch<string, string>(() => NEVER), 'concatMapBatch of batch 10'],
    [
      'foreachPartition',
      foreachPartition<string>(({ index }) => (index === 1 ? NEVER : of(0))),
      'foreachPartition on partition 1 of batch 10',
    ],
  ] as const)('ends an effect of %s that never settles', (_, output, what) => {
    const failure = failureOf((fail) => {
      fromBatches([['a', 'b']], { interval: 10, outputTimeout: 500 })
        .pipe(output)
        .subscribe({ error: fail });
    });
    expect(failure).toEqual([510, new TimedOutError(what, 500)]);
  });

  it('holds for each attempt on a partition, and the partition is retried', () => {
    const { monitor, lines } = recordingMonitor();
    const attempts: number[] = [];
    const failure = failureOf((fail) => {
      fromBatches([['a', 'b']], { interval: 10, outputTimeout: 500, monitors: [monitor] })
        .pipe(
          foreachPartition(
            ({ index }, { attempt }) => {
              if (index === 1) attempts.push(attempt);
              return index === 1 && attempt < 2 ? NEVER : timer(1);
            },
            { retry: { count: 5, delay: 10 } },
          ),
        )
        .subscribe({ error: fail });
    });
    expect(failure).toBeUndefined();
    expect(attempts).toEqual([0, 1, 2]);
    expect(lines.filter((line) => line.includes('retried'))).toEqual([
      '510 retried 10 foreachPartition 1 1',
      '1020 retried 10 foreachPartition 1 2',
    ]);
  });

  it('is the larger of ten minutes and ten intervals unless set, and may be none', () => {
    const hang = (options: Partial<DriverOptions> & { interval: number }) =>
      failureOf((fail) =>
        fromBatches([['a']], options)
          .pipe(foreachBatch(() => NEVER))
          .subscribe({ error: fail }),
      )?.[0];
    expect(hang({ interval: 10 })).toBe(600_010);
    expect(hang({ interval: 120_000 })).toBe(120_000 + 1_200_000);
    let failed = false;
    virtual((scheduler) => {
      const subscription = fromBatches([['a']], { interval: 10, outputTimeout: Infinity })
        .pipe(foreachBatch(() => NEVER))
        .subscribe({
          error: () => {
            failed = true;
          },
        });
      scheduler.schedule(() => subscription.unsubscribe(), 2_000_000);
    });
    expect(failed).toBe(false);
  });

  it('refuses what is no duration', () => {
    for (const option of ['outputTimeout', 'stepTimeout'] as const) {
      for (const value of [0, -1, Number.NaN, '5' as unknown as number]) {
        expect(() => fromBatches([], { interval: 10, [option]: value })).toThrow(InvalidOptionError);
      }
    }
  });
});
