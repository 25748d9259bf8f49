// Counts over a replayable source with a checkpoint on disk, of the store that is named, and writes each batch's result to a file of its own: a process
// to be killed at any moment and started again.
import { type Checkpoint, foreachBatch, fromBatches, type Pair, reduceByKeyAndWindow, updateStateByKey } from 'dstream';
import { fileCheckpoint, lmdbCheckpoint, saveAsObjectFiles } from 'dstream/node';

const [directory = '', output = '', store = ''] = process.argv.slice(2);
const stores: Readonly<Record<string, () => Checkpoint>> = {
  file: () => fileCheckpoint(directory, { snapshotBytes: 2_000 }),
  lmdb: () => lmdbCheckpoint(directory),
  tiered: () => lmdbCheckpoint(directory, { hotKeys: 4 }),
};
const checkpoint = stores[store]?.();
if (!checkpoint) throw new Error(`no store ${store}`);
export const batches = Array.from({ length: 60 }, (_, i): Pair<string, number>[] =>
  Array.from({ length: i % 7 }, (_, k) => [`key-${(i * k) % 11}`, i] as const),
);

fromBatches(batches, { interval: 4, partitions: 1, checkpoint })
  .pipe(
    reduceByKeyAndWindow((a, b) => a + b, { inverse: (a, b) => a - b, window: 20, id: 'window' }),
    updateStateByKey<string, number, readonly number[]>((values, state) => [...(state ?? []), ...values].slice(-5), {
      id: 'last',
    }),
    saveAsObjectFiles(output),
    foreachBatch((_, { time, zeroTime }) => void process.stdout.write(`${(time - zeroTime) / 4}\n`)),
  )
  .subscribe({
    complete: () => process.stdout.write('complete\n'),
    error: (error) => {
      console.error(error);
      process.exit(1);
    },
  });
