// Reads a backlog to its end, as an application would, and prints the records and the peak of its memory in MB.
import { foreachBatch, json, type RecordView } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { newKafka } from './kafka.js';

const [topic = '', kind = '', endText = ''] = process.argv.slice(2);
const end = Number(endText);

const strings = (view: RecordView): unknown => ({ key: view.keyText(), value: view.valueText() });

let count = 0;
const stream = kafkaBatches<unknown>(newKafka(), {
  topics: [topic],
  start: 'earliest',
  interval: 100,
  deserialize: kind === 'json' ? json() : strings,
});
stream.pipe(foreachBatch((records) => void (count += records.length))).subscribe({
  next: () => count >= end && void stream.stop(),
  error: (error) => {
    console.error(error);
    process.exit(1);
  },
  complete: () => {
    const peakMb = Math.round(process.resourceUsage().maxRSS / 1_024);
    process.stdout.write(JSON.stringify({ count, peakMb }));
  },
});
