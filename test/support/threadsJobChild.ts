// A job for worker threads: writes every record of its tasks to a topic, exactly once. The record `exit` ends its thread, the first time, and
// `block 9000` blocks its thread for so long. What happens to its membership goes to a channel.
import { existsSync, writeFileSync } from 'node:fs';
import { BroadcastChannel, threadId } from 'node:worker_threads';
import { mapRecords, type RecordView } from 'dstream';
import { kafkaTasks, sendToKafka } from 'dstream/kafka';
import type { ThreadJob } from 'dstream/workers';
import { Kafka, logLevel } from 'kafkajs';
import { mergeMap } from 'rxjs';

const { BROKERS = '', INPUT = '', OUTPUT = '', GROUP = '', CHANNEL = '', MARKER = '', SESSION = '' } = process.env;
const channel = new BroadcastChannel(CHANNEL);
(channel as unknown as { unref(): void }).unref();

function actOn(value: string): void {
  const [act, ms] = value.split(' ');
  if (act === 'exit' && !existsSync(MARKER)) {
    writeFileSync(MARKER, '');
    process.exit(5);
  }
  if (act === 'block' && !existsSync(MARKER)) {
    writeFileSync(MARKER, '');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms));
  }
}

const job: ThreadJob = ({ index, onStop }) => {
  const kafka = new Kafka({ clientId: `thread ${index}`, brokers: BROKERS.split(','), logLevel: logLevel.NOTHING });
  const tasks = kafkaTasks(kafka, {
    topics: [INPUT],
    groupId: GROUP,
    start: 'earliest',
    interval: 100,
    commitOffsets: false,
    sessionTimeout: Number(SESSION),
    heartbeatInterval: 200,
    deserialize: (view: RecordView) => view.valueText() ?? '',
    groupObserver: { next: ({ type, tasks }) => channel.postMessage(`${index} ${type} ${tasks}`) },
  });
  onStop((options) => tasks.stop(options));
  return tasks.pipe(
    mergeMap((task) =>
      task.pipe(
        mapRecords((value) => {
          actOn(value);
          return { value, partition: 0, headers: { thread: String(threadId) } };
        }),
        sendToKafka(kafka, { topic: OUTPUT, groupId: GROUP, transactionTimeout: 10_000 }),
      ),
    ),
  );
};
export default job;
