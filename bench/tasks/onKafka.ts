import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startKafka } from '../../scripts/kafka-broker.mjs';
import { bundle } from '../../test/support/bundle.js';
import { makeTopic } from '../latency/topic.js';
import { producing } from './producing.js';
import { partitions, perRecordBatch } from './topic.js';

const file = fileURLToPath(new URL('../.data/tasks/kafkaChild.mjs', import.meta.url));
const topic = 'tasks';
/** Between the warm-up and the first round. */
const settleSeconds = 15;
/** Record batches of a partition in a second. */
const perSecond = 10;

function start(kind: 'driver' | 'tasks', brokers: string, warmUp: number) {
  const child = spawn(process.execPath, [file, kind, brokers, topic, `${warmUp}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const look = async (): Promise<{ readonly ms: number; readonly records: number }> => {
    child.stdin.write('\n');
    return JSON.parse((await lines.next()).value);
  };
  return { kind, look, samples: [] as number[], end: () => child.stdin.end() };
}

/**
 * What each contender takes of processor time, in ms for a second: in `rounds` of `seconds` after a warm-up, both at the same time, so that they
 * have the same machine.
 */
export async function onKafka(rounds: number, warmUp: number, seconds: number) {
  bundle(new URL('./kafkaChild.ts', import.meta.url), file);
  const { brokers, stop } = await startKafka({ longLived: true });
  await makeTopic(brokers, topic, partitions);
  const end = producing(brokers, topic, perSecond);
  const contenders = [start('driver', brokers, warmUp), start('tasks', brokers, warmUp)] as const;
  try {
    // And until the job with long intervals has its tasks.
    await sleep((warmUp + settleSeconds) * 1_000);
    for (const { look } of contenders) await look();
    for (let round = 1; round <= rounds; round++) {
      await sleep(seconds * 1_000);
      for (const { kind, look, samples } of contenders) {
        const { ms, records } = await look();
        const expected = partitions * perRecordBatch * perSecond * seconds;
        if (Math.abs(records / expected - 1) > 0.1) throw new Error(`${kind} read ${records} records of ${expected}`);
        samples.push(ms / seconds);
        console.log(`round ${round}  ${kind.padEnd(8)} ${(ms / seconds).toFixed(2)} ms a second, ${records} records`);
      }
    }
    return contenders;
  } finally {
    for (const contender of contenders) contender.end();
    end();
    await stop();
  }
}
