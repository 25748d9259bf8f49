// A process to be killed at any moment and started again: a receiver with a write-ahead log, an output that writes every
// batch once, and a checkpoint. It ends when the batches have come to a certain time and nothing is left.
//
//     receiverChild.mjs DIRECTORY LOG STORE SEED
//
// What it is told that is stored it notes in a file of its own, at once. It opens its stream anew after a few batches.
import { mkdirSync, openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { batchesFrom, type DStreamError, foreachBatch, type ReceiverSink, receiverSource } from 'dstream';
import { fileWriteAheadLog } from 'dstream/node';
import { tap } from 'rxjs';
import { failpoint } from '../../src/storage/failpoint.js';
import { integrityKey, stores } from './checkpoints.js';
import { exitCodes } from './exitCodes.js';
import { DifferentOutputError, OutputFiles } from './outputFiles.js';
import { pacedClock } from './pacedClock.js';
import { pointedCheckpoint } from './pointedCheckpoint.js';
import { pointedSource } from './pointedSource.js';
import { interval, randomOf } from './records.js';

const [directory = '', , storeName = '', seed = ''] = process.argv.slice(2);
const store = stores[storeName];
if (!store) throw new Error(`no store is called ${storeName}`);
const random = randomOf(Number(seed));
const below = (limit: number) => Math.floor(random() * limit);
const files = new OutputFiles(join(directory, 'output'));
const told = join(directory, 'stored');
mkdirSync(told, { recursive: true });
const life = readdirSync(told).length + 1;
const notes = openSync(join(told, String(life)), 'a');

/** Batches of a run. */
const enough = 250;
/** Records that a receiver sends between two openings, at most. */
const most = 40;
let starts = 0;
let time = 0;
const { clock, progress } = pacedClock();

/** Sends a few records at a turn, until it is left. */
function receiver({ store, complete }: ReceiverSink<readonly number[] | string>): () => void {
  const start = ++starts;
  let sent = 0;
  let left = false;
  const send = () => {
    if (left) return;
    if (time >= enough * interval) return complete();
    for (let count = below(10) - 6; count > 0 && sent < most; count--) {
      const record = [life, start, sent++];
      store(below(3) === 0 ? JSON.stringify(record) : record, () => writeSync(notes, `${JSON.stringify(record)}\n`));
    }
    setImmediate(send);
  };
  send();
  return () => {
    left = true;
  };
}

async function session(batches: number, graceful: boolean): Promise<void> {
  const checkpoint = pointedCheckpoint(store?.open(join(directory, 'checkpoint')) as never, progress);
  const source = receiverSource(receiver, {
    // Else the clock would take the ends of blocks for batches.
    blockInterval: interval,
    // The clock jumps while the disk writes.
    storeTimeout: Infinity,
    writeAheadLog: fileWriteAheadLog(join(directory, 'wal'), {
      segmentBytes: 200 + below(200),
      integrityKey: storeName === 'keyed' ? integrityKey : undefined,
    }),
  });
  const { received } = batchesFrom(
    { received: pointedSource(source) },
    {
      interval,
      checkpoint,
      concurrentBatches: 1 + below(3),
      backpressure: () => ({ completed: () => {}, rate: () => (below(30) * 1_000) / interval }),
      scheduler: clock,
      // Its clock jumps to the next timer whenever nothing runs, so time limits would fire while a server answers.
      outputTimeout: Infinity,
      stepTimeout: Infinity,
    },
  );
  await new Promise<void>((resolve, reject) => {
    let left = batches;
    const end = () => {
      if (graceful) return void received.stop({ drainTimeout: 1e9 });
      subscription.unsubscribe();
      resolve();
    };
    const subscription = received
      .pipe(
        tap(({ context }) => {
          failpoint('dispatch');
          time = Math.max(time, context.time);
          if (--left === 0) setImmediate(end);
        }),
        tap(() => failpoint('operators')),
        foreachBatch(async (records, context) => {
          for (let turns = below(4); turns > 0; turns--) await nextTurn();
          const lines = records.map((record) => (typeof record === 'string' ? record : JSON.stringify(record)));
          files.write('raw', context.time, lines);
        }),
      )
      .subscribe({ error: reject, complete: resolve });
  });
}

try {
  while (time < enough * interval) await session(3 + below(6), random() < 0.7);
  // To its end: nothing new comes, and the receiver completes.
  await session(Infinity, true);
  process.exit(exitCodes.done);
} catch (error) {
  console.error(error);
  if (error instanceof DifferentOutputError) process.exit(exitCodes.different);
  process.exit((error as DStreamError).code === 'FENCED' ? exitCodes.fenced : exitCodes.failed);
}
