// One of the processes of bench/takeovers.bench.ts: counts the records of each key, with its state in Kafka.
//
//     member.mjs SETUP
import { foreachBatch, mapRecords, type Pair, type RecordView, updateStateByKey } from 'dstream';
import { kafkaCheckpoint, kafkaTasks } from 'dstream/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { mergeMap } from 'rxjs';

/** The setup that a process receives. */
export interface MemberSetup {
  readonly brokers: string;
  readonly topic: string;
  readonly groupId: string;
  readonly interval: number;
  readonly sessionTimeout: number;
  readonly instanceId?: string;
}

const setup: MemberSetup = JSON.parse(process.argv[2] ?? '{}');
const { topic, groupId, interval, sessionTimeout, instanceId } = setup;
const say = (line: string) => void process.stdout.write(`${line}\n`);
const kafka = new Kafka({ brokers: setup.brokers.split(','), logLevel: logLevel.NOTHING });
const tasks = kafkaTasks(kafka, {
  topics: [topic],
  groupId,
  start: 'earliest',
  interval,
  sessionTimeout,
  ...(instanceId && { instanceId }),
  deserialize: (view: RecordView): Pair<string, number> => [view.keyText() ?? '', 1],
  checkpoint: ({ partition, of }) => kafkaCheckpoint(kafka, { topic: `${groupId}-state`, partition, partitions: of }),
  groupObserver: {
    next: ({ type, generation, tasks }) => {
      if (type === 'joined') say(`joined ${generation}`);
      else if (type === 'assigned' || type === 'released' || type === 'lost') say(`${type} ${tasks}`);
    },
  },
});
tasks
  .pipe(
    mergeMap((task) =>
      task.pipe(
        mapRecords((pair) => pair),
        updateStateByKey((values, total: number | undefined) => values.length + (total ?? 0), {
          id: 'totals',
          call: 'touched',
        }),
        foreachBatch(() => {}),
      ),
    ),
  )
  .subscribe({
    error: (error) => {
      console.error(error);
      process.exit(1);
    },
  });
say('up');
process.once('SIGTERM', () => {
  void tasks.stop().then(() => process.exit(0));
});
