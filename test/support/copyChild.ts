import { foreachBatch, fromBatches, type Pair, updateStateByKey } from 'dstream';
import { kafkaCheckpoint } from 'dstream/kafka';
import { newKafka } from './kafka.js';

// TOPIC DIRECTORY [BYTES]: counts in a checkpoint with a copy, each batch with keys that go away every few times and come back. With BYTES each
// batch has twenty keys more, of states of that length. Writes a line for each warning and each batch, and what it fails with.

const [topic = '', copy, bytes] = process.argv.slice(2);
const keysOf = (i: number) =>
  Array.from({ length: 20 }, (_, k) => k).flatMap((k) => {
    if (bytes !== undefined) return `key${i}-${k}`;
    return (i * 7 + k) % 3 === 0 ? `key${k}` : [];
  });
const batches = Array.from({ length: 100 }, (_, i) => keysOf(i).map((key): Pair<string, number> => [key, 1]));
const text = '.'.repeat(Number(bytes ?? 0));
process.on('warning', ({ message }) => console.log(`warning ${message}`));
fromBatches(batches, { interval: 5, checkpoint: kafkaCheckpoint(newKafka(), { topic, copy }) })
  .pipe(
    updateStateByKey(
      (ones, before: string | undefined) => {
        const sum = Number.parseInt(before ?? '0', 10) + ones.length;
        return sum % 5 === 4 ? undefined : `${sum}${text}`;
      },
      { id: 'counts', call: 'touched' },
    ),
    foreachBatch(() => console.log('batch')),
  )
  .subscribe({
    // No exit: a process in which something is left open is seen to hang.
    error: ({ name, message }: Error) => {
      console.log(`${name}: ${message}`);
      process.exitCode = 1;
    },
  });
