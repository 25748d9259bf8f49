import { PassThrough, type Readable } from 'node:stream';
import { acknowledged, foreachBatch, type Receiver, receiverBatches } from 'dstream';
import { describe, expect, it } from 'vitest';

/** Reads one record, and is stopped or unsubscribed while no other comes. */
async function leaveSilent(receiver: Receiver<unknown>, how: 'stop' | 'unsubscribe'): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const stream = receiverBatches(receiver, { interval: 5 });
    const subscription = stream
      .pipe(
        foreachBatch((records) => {
          if (records.length === 0) return;
          if (how === 'stop') void stream.stop().then(() => resolve());
          else {
            queueMicrotask(() => {
              subscription.unsubscribe();
              resolve();
            });
          }
        }),
      )
      .subscribe({ error: reject });
  });
}

const readable = () => {
  const stream = new PassThrough({ objectMode: true });
  stream.write('one');
  return stream;
};

describe.each(['stop', 'unsubscribe'] as const)('%s, while a stream is silent', (how) => {
  it.each<[string, (stream: Readable) => Receiver<unknown>]>([
    ['a stream of Node', (stream) => stream],
    ['a promise of one', (stream) => Promise.resolve(stream)],
    ['a function that returns one', (stream) => () => stream],
    ['one whose records are acknowledged', (stream) => acknowledged(stream, { ack: () => {} })],
  ])('destroys %s at once', async (_, receiver) => {
    const stream = readable();
    await leaveSilent(receiver(stream), how);
    expect(stream.destroyed).toBe(true);
  });

  it('cancels a ReadableStream', async () => {
    let cancelled = 0;
    const stream = new ReadableStream({
      start: (controller) => controller.enqueue('one'),
      cancel: () => void cancelled++,
    });
    await leaveSilent(stream, how);
    expect(cancelled).toBe(1);
  });
});
