import type { CheckpointSession } from 'dstream';
import { change, settle } from './savedBatches.js';

/** Saves batches 1 to `count` at once. Batch n sets the key `last` and one of its own to n, and the earlier a batch the more it writes. */
export async function saveAtOnce(session: CheckpointSession, count: number): Promise<void> {
  const batches = Array.from({ length: count }, (_, i) => {
    const n = i + 1;
    const more = Array.from({ length: 200 * (count - n) }, (_, k): [string, number] => [`key ${k}`, n]);
    return {
      time: 10 * n,
      zeroTime: 0,
      interval: 10,
      positions: { s: [{ topic: 't', partition: 0, offset: n }] },
      changes: [session.encode(change([['last', n], [`of ${n}`, n], ...more]))],
    };
  });
  await Promise.all(batches.map((batch) => settle(session.save(batch))));
}

/** What is there after `saveAtOnce`: time and position of the last batch, and the value of each key that was written last. */
export function savedAtOnce(count: number) {
  const values = new Map<string, number>();
  for (let n = 1; n <= count; n++) {
    values.set('last', n);
    values.set(`of ${n}`, n);
    for (let k = 0; k < 200 * (count - n); k++) values.set(`key ${k}`, n);
  }
  return { time: 10 * count, positions: { s: [{ topic: 't', partition: 0, offset: count }] }, values };
}

/** The same of what a session has restored. */
export function seenIn({ restored }: CheckpointSession): unknown {
  const values = new Map(restored?.state('counts')?.entries());
  return { time: restored?.time, positions: restored?.positions, values };
}
