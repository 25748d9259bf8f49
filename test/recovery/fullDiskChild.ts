import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { foreachBatch, fromBatches, type Pair, updateStateByKey } from 'dstream';
import { lmdbCheckpoint } from 'dstream/node';
import { retry } from 'rxjs';

// DIRECTORY [CACHE_KEYS]: keeps texts, of twenty keys more with each of thirty batches, and writes what each batch has to a file.

const [directory = '', cacheKeys] = process.argv.slice(2);
const batches = Array.from({ length: 30 }, (_, i) =>
  Array.from({ length: 20 }, (_, k): Pair<string, number> => [`key-${i}-${k}`, i * k]),
);
const output = join(directory, 'output');
mkdirSync(output, { recursive: true });
const checkpoint = lmdbCheckpoint(join(directory, 'checkpoint'), cacheKeys ? { cacheKeys: Number(cacheKeys) } : {});
fromBatches(batches, { interval: 2, checkpoint })
  .pipe(
    updateStateByKey(
      (values: readonly number[], before: string | undefined) => `${before ?? ''} ${values.join()}`.padEnd(2_000),
      {
        id: 'texts',
      },
    ),
    foreachBatch((texts, { time, zeroTime }) =>
      writeFileSync(join(output, String((time - zeroTime) / 2)), JSON.stringify(texts)),
    ),
    retry(1),
  )
  .subscribe({
    // No exit: a process in which something is left open, or never settles, is seen to hang.
    error: ({ name, message }: Error) => {
      console.log(JSON.stringify({ name, message }));
      process.exitCode = 1;
    },
  });
