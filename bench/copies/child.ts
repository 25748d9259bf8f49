// One of the processes of bench/copies.bench.ts: counts the records of each key, in a task with its state in Kafka, and writes a line of JSON
// for each batch with records, once it is saved, and when it is assigned the task.
//
//     child.mjs SETUP
import { connect as plain, type Socket } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fixedRate, foreachBatch, mapRecords, type Pair, type RecordView, updateStateByKey } from 'dstream';
import { kafkaCheckpoint, kafkaTasks } from 'dstream/kafka';
import { type ISocketFactory, Kafka, logLevel } from 'kafkajs';
import { mergeMap } from 'rxjs';

/** The setup that a process receives. */
export interface CopySetup {
  readonly brokers: string;
  readonly topic: string;
  readonly groupId: string;
  readonly stateTopic: string;
  /** The directory of the copy. */
  readonly copy?: string | undefined;
  /** Copies on other processes. */
  readonly standbys: number;
  readonly interval: number;
  readonly sessionTimeout: number;
}

/** What a process says. */
export interface CopyLine {
  readonly says: 'assigned' | 'batch' | 'lost' | 'behind';
  /** When, on the wall clock. */
  readonly at: number;
  /** In the batch; how many a copy is behind. */
  readonly records: number;
  /** Over all connections to Kafka, so far. */
  readonly read: number;
  readonly written: number;
  /** Processor time so far, ms. */
  readonly processor: number;
  /** Bytes in use, and the most that the process has had. */
  readonly heap: number;
  readonly buffers: number;
  readonly maxRss: number;
  /** For how long the event loop was blocked at most since the task was assigned, ms. */
  readonly blocked: number;
}

const setup: CopySetup = JSON.parse(process.argv[2] ?? '{}');
const sockets: Socket[] = [];
const socketFactory: ISocketFactory = ({ host, port, onConnect }) => {
  const socket = plain({ host, port }, onConnect).setKeepAlive(true, 60_000);
  sockets.push(socket);
  return socket;
};
const loop = monitorEventLoopDelay({ resolution: 5 });
loop.enable();
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const say = (says: CopyLine['says'], records: number) => {
  const { heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const line: CopyLine = {
    says,
    at: Date.now(),
    records,
    read: sum(sockets.map(({ bytesRead }) => bytesRead)),
    written: sum(sockets.map(({ bytesWritten }) => bytesWritten)),
    processor: (user + system) / 1_000,
    heap: heapUsed,
    buffers: external,
    maxRss: process.resourceUsage().maxRSS * 1_024,
    blocked: loop.max / 1e6,
  };
  console.log(JSON.stringify(line));
};

const { brokers, topic, groupId, stateTopic, copy, standbys, interval, sessionTimeout } = setup;
const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING, socketFactory });
kafkaTasks(kafka, {
  topics: [topic],
  groupId,
  interval,
  sessionTimeout,
  standbys,
  start: 'earliest',
  backpressure: fixedRate(100_000),
  deserialize: (view: RecordView) => view.keyText() ?? '',
  checkpoint: ({ partition, of }) => kafkaCheckpoint(kafka, { topic: stateTopic, partition, partitions: of, copy }),
  batchObserver: { next: ({ records }) => records > 0 && say('batch', records) },
  groupObserver: {
    next: ({ type, behind = 0 }) => {
      if (type === 'assigned') loop.reset();
      if (type === 'assigned' || type === 'lost') say(type, 0);
      if (type === 'standby-behind') say('behind', behind);
    },
  },
})
  .pipe(
    mergeMap((task) =>
      task.pipe(
        mapRecords((key): Pair<string, number> => [key, 1]),
        updateStateByKey((ones, n: number | undefined) => (n ?? 0) + ones.length, { id: 'counts', call: 'touched' }),
        foreachBatch(() => {}),
      ),
    ),
  )
  .subscribe({
    error: (error: unknown) => {
      console.error(error);
      process.exitCode = 1;
    },
  });
