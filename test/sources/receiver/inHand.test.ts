import { foreachBatch, QueueOverflowError, type ReceiverSink, receiverBatches } from 'dstream';
import { lastValueFrom, timer, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';

/** A chunk every ms, of so many lines, to `store`. `heed` is called when there is no room. */
const chunks =
  (lines: number, count: number, heed: (sink: ReceiverSink<number>, chunks: { paused: boolean }) => void) =>
  (sink: ReceiverSink<number>) => {
    const state = { paused: false };
    let line = 0;
    const chunk = setInterval(() => {
      if (state.paused) return;
      let room = true;
      for (let i = 0; i < lines; i++) room = sink.store(line++) && room;
      if (line >= count * lines) sink.complete();
      else if (!room) heed(sink, state);
    }, 1);
    return () => clearInterval(chunk);
  };

const received = (
  receiver: (sink: ReceiverSink<number>) => () => void,
  overflow: 'error' | 'drop-oldest' | 'drop-newest' = 'error',
) => {
  const all: number[] = [];
  const stream = receiverBatches(receiver, { interval: 20, maxQueue: 100, overflow });
  const write = (records: readonly number[]) => {
    all.push(...records);
    return timer(1);
  };
  return lastValueFrom(stream.pipe(foreachBatch(write), toArray())).then(() => all);
};

const pause = ({ whenRoom }: ReceiverSink<number>, state: { paused: boolean }) => {
  state.paused = true;
  whenRoom(() => {
    state.paused = false;
  });
};

describe('a receiver that heeds store() === false', () => {
  it('may store what it has in hand, and goes on when there is room', async () => {
    expect(await received(chunks(80, 8, pause))).toEqual(Array.from({ length: 640 }, (_, i) => i));
  });

  it('overflows all the same with more in hand than the bounds again', async () => {
    await expect(received(chunks(250, 4, pause))).rejects.toThrow(QueueOverflowError);
  });

  it('overflows where it goes on in another turn of the event loop', async () => {
    await expect(received(chunks(80, 100_000, () => {}))).rejects.toThrow(QueueOverflowError);
  });

  it('drops what it has in hand where the policy is to drop', async () => {
    const kept = await received(chunks(250, 1, pause), 'drop-newest');
    expect(kept).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });
});
