import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  type BatchInfo,
  batchesFrom,
  json,
  logSource,
  logTable,
  mapRecords,
  type Source,
  type TableChange,
} from 'dstream';
import { kafkaSource, kafkaTable, sendToKafka } from 'dstream/kafka';
import { fileCheckpoint, jsonLines, saveAsTextFiles } from 'dstream/node';
import { Kafka, logLevel } from 'kafkajs';
import { lastValueFrom, type Observable, tap } from 'rxjs';
import { type Card, embeddedLog, type Payment, topics as usual } from './payment.js';
import { type Alert, alertsOf, confirmationTimeoutMs } from './pipeline.js';

const { values } = parseArgs({
  options: {
    /** Brokers of a Kafka with the topics, which `produce.ts` creates and fills. Without it the log is in memory. */
    brokers: { type: 'string' },
    /** Put before the names of the topics and of the group. */
    prefix: { type: 'string', default: '' },
    data: { type: 'string', default: fileURLToPath(new URL('.data', import.meta.url)) },
    payments: { type: 'string', default: '3000' },
    /** Ends when nothing arrived for 5 seconds, as it always does without Kafka. */
    'end-when-idle': { type: 'boolean', default: false },
  },
});

type Inputs = {
  readonly payments: Source<Payment>;
  readonly cards: Source<TableChange<string, Card>>;
};

const interval = 200;
const idleMs = 5_000;
const [paymentsTopic, cardsTopic, alertsTopic] = [usual.payments, usual.cards, usual.alerts].map(
  (topic) => `${values.prefix}${topic}`,
) as [string, string, string];
const groupId = alertsTopic;
/** The batch time of the last records. */
let last: number | undefined;
const ends = values['end-when-idle'] || !values.brokers;
const kafka =
  values.brokers && new Kafka({ clientId: 'alerts', brokers: values.brokers.split(','), logLevel: logLevel.NOTHING });
mkdirSync(values.data, { recursive: true });

const payments = {
  topics: [paymentsTopic],
  start: 'earliest',
  deserialize: json<Payment>(),
  // Slow enough to watch, and to be killed while it works.
  maxRatePerPartition: 1_000,
} as const;
const cards = { topic: cardsTopic, deserialize: json<Card>() };
const log = embeddedLog(Number(values.payments));
const sources = kafka
  ? {
      payments: kafkaSource(kafka, { ...payments, groupId, commitOffsets: false }),
      cards: kafkaTable(kafka, cards),
    }
  : {
      payments: logSource(log, { ...payments, topics: [usual.payments] }),
      cards: logTable(log, { ...cards, topic: usual.cards }),
    };
const inputs = batchesFrom<Inputs>(sources, {
  interval,
  checkpoint: fileCheckpoint(join(values.data, 'checkpoint')),
  batchObserver: { next: endWhenIdle },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void inputs.payments.stop());

const alerts = alertsOf(inputs).pipe(
  tap(({ records }) => {
    for (const { card, payment, reason } of records) console.log(`${card}: payment ${payment} ${reason}`);
  }),
);
// A batch that comes again after a crash is not sent again, or replaces its file.
const written: Observable<unknown> = kafka
  ? alerts.pipe(
      mapRecords((alert: Alert) => ({ key: alert.card, value: JSON.stringify(alert) })),
      sendToKafka(kafka, { topic: alertsTopic, groupId }),
    )
  : alerts.pipe(saveAsTextFiles(join(values.data, 'alerts/'), { format: jsonLines() }));
await lastValueFrom(written, { defaultValue: undefined });
console.log('ended');

function endWhenIdle({ time, inputs: counts }: BatchInfo): void {
  const { records = 0, lag = 0 } = counts.payments ?? {};
  if (records > 0 || lag > 0 || last === undefined) last = time;
  if (ends && time - last > idleMs + confirmationTimeoutMs) void inputs.payments.stop();
}
