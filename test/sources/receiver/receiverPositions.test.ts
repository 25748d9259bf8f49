import {
  foreachBatch,
  memoryCheckpoint,
  memoryWriteAheadLog,
  type ReceiverBatchesOptions,
  type ReceiverSink,
  receiverBatches,
} from 'dstream';
import { retry } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { slowWriteAheadLog } from '../../support/slowWriteAheadLog.js';
import { virtual } from '../../support/virtual.js';

/** A feed of numbers that sends four at each start, behind the position that it is asked for. */
function feed(asked: unknown[]): (sink: ReceiverSink<number>) => void {
  return ({ index, resumeFrom, storeAt }) => {
    asked.push(index > 0 ? [index, resumeFrom] : resumeFrom);
    const next = Number(resumeFrom ?? 0);
    for (let n = next; n < next + 4; n++) storeAt(`${n + 1}`, n);
  };
}

interface Life extends Partial<ReceiverBatchesOptions> {
  readonly receiver: (sink: ReceiverSink<number>) => void;
  /** The batches with records, from 1, in which the output fails. */
  readonly failures?: readonly number[];
}

/** Runs streams one after the other, each for a second. Returns what each has written. */
function written(...lives: readonly Life[]): readonly (readonly number[])[] {
  const results = lives.map((): number[] => []);
  virtual((scheduler) => {
    for (const [i, { receiver, failures = [], ...options }] of lives.entries()) {
      let batch = 0;
      const output = foreachBatch((numbers: readonly number[]) => {
        if (numbers.length > 0 && failures.includes(++batch)) throw new Error('crash');
        results[i]?.push(...numbers);
      });
      scheduler.schedule(() => {
        const stream = receiverBatches(receiver, { interval: 100, ...options });
        const subscription = stream.pipe(output, retry()).subscribe();
        scheduler.schedule(() => subscription.unsubscribe(), 950);
      }, 1_000 * i);
    }
  });
  return results;
}

describe('a receiver that can go on', () => {
  it('goes on behind the last durable record, with a log', () => {
    const asked: unknown[] = [];
    const options = { checkpoint: memoryCheckpoint(), writeAheadLog: memoryWriteAheadLog() };
    const [numbers] = written({ receiver: feed(asked), ...options, failures: [1, 2] });
    expect(numbers).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(asked).toEqual([undefined, '4', '8']);
  });

  it('goes on behind the last saved batch without a log, and gets again what was lost', () => {
    const asked: unknown[] = [];
    const life = { receiver: feed(asked), checkpoint: memoryCheckpoint() };
    expect(written({ ...life, failures: [1] }, { ...life, failures: [1, 2] })).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
    expect(asked).toEqual([undefined, undefined, '4', '4', '4']);
  });

  it('goes on behind what a rate let into saved batches', () => {
    const asked: unknown[] = [];
    const options = { checkpoint: memoryCheckpoint(), maxRate: 10, blockInterval: 100 };
    const [numbers] = written({ receiver: feed(asked), ...options, failures: [3] });
    expect(numbers?.slice(0, 4)).toEqual([0, 1, 2, 3]);
    expect(asked).toEqual([undefined, '2']);
  });

  it('goes on behind the last record it has handed over when it alone is started again', () => {
    const asked: unknown[] = [];
    const receiver = (sink: ReceiverSink<number>) => {
      feed(asked)(sink);
      if (asked.length < 3) sink.fail(new Error('lost'));
    };
    expect(written({ receiver, restart: 10 })).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]]);
    expect(asked).toEqual([undefined, '4', '8']);
  });

  it('has a position of its own among several', () => {
    const asked: unknown[] = [];
    const receiver = (sink: ReceiverSink<number>) => {
      if (sink.index === 1) feed(asked)(sink);
      else asked.push(sink.resumeFrom);
    };
    const life = { receiver, checkpoint: memoryCheckpoint(), receivers: 2 };
    expect(written(life, life)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
    expect(asked).toEqual([undefined, [1, undefined], undefined, [1, '4']]);
  });

  it('does not go on behind a record that was not durable when the process died', () => {
    const asked: unknown[] = [];
    const kept = memoryWriteAheadLog();
    // The second write never comes to its end.
    let writes = 0;
    const write = () => ({ before: ++writes === 1 ? 10 : 1e9, after: 0, fails: false });
    const receiver = ({ resumeFrom, storeAt }: ReceiverSink<number>) => {
      asked.push(resumeFrom);
      const next = Number(resumeFrom ?? 0);
      for (const n of [next, next + 1]) storeAt(`${n + 1}`, n);
    };
    const life = { receiver, checkpoint: memoryCheckpoint() };
    const slow = slowWriteAheadLog(kept, write);
    expect(written({ ...life, writeAheadLog: slow }, { ...life, writeAheadLog: kept })).toEqual([[0], [1, 2]]);
    expect(asked).toEqual([undefined, '1']);
  });
});
