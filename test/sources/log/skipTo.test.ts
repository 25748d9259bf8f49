import {
  type BatchInfo,
  foreachBatch,
  InvalidOptionError,
  type LogSourceOptions,
  logBatches,
  logSource,
  memoryCheckpoint,
  memoryLog,
  string,
} from 'dstream';
import type { SchedulerLike } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

type SkipTo = LogSourceOptions<string>['skipTo'];

interface Seen {
  readonly records: readonly (string | null)[];
  readonly lost: readonly unknown[];
}

/** One record every 10 ms, a stream that is away from 35 to 105, and what its second life has seen until 135. */
function afterAWhile(skipTo: SkipTo, more: object = {}): readonly Seen[] {
  const seen: Seen[] = [];
  virtual((scheduler: SchedulerLike) => {
    const log = memoryLog({ topics: { t: 1 }, scheduler });
    for (let n = 0; n < 13; n++) scheduler.schedule(() => void log.append('t', [{ value: `${n}` }]), n * 10 + 5);
    let records: readonly (string | null)[] = [];
    const stream = logBatches(log, {
      ...{ topics: ['t'], start: 'earliest', interval: 10, deserialize: string(), scheduler, afterDowntime: 'one' },
      ...(skipTo !== undefined && { skipTo }),
      ...{ checkpoint: memoryCheckpoint(), ...more },
      batchObserver: {
        next: ({ inputs }: BatchInfo) => seen.push({ records, lost: inputs.log?.lost ?? [] }),
      },
    } as const);
    const output = stream.pipe(
      foreachBatch((all) => {
        records = all;
      }),
    );
    let running = output.subscribe();
    scheduler.schedule(() => running.unsubscribe(), 35);
    scheduler.schedule(() => {
      seen.length = 0;
      running = output.subscribe();
    }, 105);
    scheduler.schedule(() => running.unsubscribe(), 135);
  });
  return seen;
}

describe('skipTo', () => {
  it('reads everything without it', () => {
    expect(afterAWhile(undefined)[0]).toEqual({ records: ['3', '4', '5', '6', '7', '8', '9', '10'], lost: [] });
  });

  it('goes on at the end, and says what was passed over', () => {
    const [first, ...rest] = afterAWhile('latest');
    expect(first).toEqual({ records: [], lost: [{ topic: 't', partition: 0, from: 3, until: 11 }] });
    expect(rest.flatMap(({ records }) => records)).toEqual(['11', '12']);
    expect(rest.flatMap(({ lost }) => lost)).toEqual([]);
  });

  it('goes on at the first record that is recent enough', () => {
    const [first] = afterAWhile({ olderThan: 30 });
    expect(first).toEqual({ records: ['7', '8', '9', '10'], lost: [{ topic: 't', partition: 0, from: 3, until: 7 }] });
  });

  it('works with the offsets of a group', () => {
    const [first] = afterAWhile('latest', { checkpoint: undefined, groupId: 'g' });
    expect(first).toEqual({ records: [], lost: [{ topic: 't', partition: 0, from: 3, until: 11 }] });
  });

  it('replays first what was planned, and again what it had read after the gap', () => {
    const batches = new Map<number, string>();
    const lost: unknown[] = [];
    virtual((scheduler) => {
      const log = memoryLog({ topics: { t: 1 }, scheduler });
      for (let n = 0; n < 20; n++) scheduler.schedule(() => void log.append('t', [{ value: `${n}` }]), n * 10 + 5);
      const stream = logBatches(log, {
        ...{ topics: ['t'], start: 'earliest', interval: 10, deserialize: string(), scheduler, afterDowntime: 'one' },
        ...{ skipTo: 'latest', checkpoint: memoryCheckpoint() },
        batchObserver: { next: ({ inputs }) => lost.push(...(inputs.log?.lost ?? [])) },
      } as const);
      let hangs = true;
      const output = stream.pipe(
        foreachBatch((records, { time }) => {
          const text = records.join();
          expect(batches.get(time) ?? text).toBe(text);
          batches.set(time, text);
          return hangs && [30, 120].includes(time) ? new Promise<void>(() => {}) : undefined;
        }),
      );
      let running = output.subscribe();
      const restart = (at: number, hang: boolean) =>
        scheduler.schedule(() => {
          running.unsubscribe();
          hangs = hang;
          running = output.subscribe();
        }, at);
      scheduler.schedule(() => running.unsubscribe(), 35);
      // The batch of 30 is replayed; that of 120 hangs, the first after the gap with records.
      restart(105, false);
      scheduler.schedule(() => {
        hangs = true;
      }, 112);
      restart(125, false);
      scheduler.schedule(() => running.unsubscribe(), 155);
    });
    expect([...batches.values()].join().split(',').filter(Boolean).map(Number)).toEqual([0, 1, 2, 11, 13, 14]);
    expect(lost).toEqual([
      { topic: 't', partition: 0, from: 3, until: 11 },
      { topic: 't', partition: 0, from: 12, until: 13 },
    ]);
  });

  it.each(['earliest', {}, { olderThan: 0 }, { olderThan: Number.NaN }, null])('refuses %j', (skipTo) => {
    const options = { topics: ['t'], deserialize: string(), skipTo: skipTo as unknown as 'latest' };
    expect(() => logSource(memoryLog(), options)).toThrow(InvalidOptionError);
  });
});
