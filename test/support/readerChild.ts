// Reads a topic as a group and prints each batch as it completes: a process to be killed and started again.
import { foreachBatch } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { newKafka } from './kafka.js';

const [topic = '', groupId = '', endText = ''] = process.argv.slice(2);
const end = Number(endText);

const stream = kafkaBatches<number>(newKafka(), {
  topics: [topic],
  groupId,
  start: 'earliest',
  interval: 50,
  maxRatePerPartition: 40_000,
  deserialize: (view) => Number(view.valueText()),
  batchObserver: {
    next: ({ inputs }) => {
      const ranges = inputs.kafka?.ranges ?? [];
      // The last commit is asserted: a busy machine needs longer for it than ten intervals.
      if (ranges.every(({ until }) => until >= end)) void stream.stop({ drainTimeout: 60_000 });
    },
  },
});

const write = (line: object) => new Promise((resolve) => process.stdout.write(`${JSON.stringify(line)}\n`, resolve));

stream
  .pipe(
    foreachBatch((records, { time, inputs }) => {
      const ranges = inputs.kafka?.ranges.map(({ from, until }) => [from, until]);
      return write({ time, count: records.length, sum: records.reduce((a, b) => a + b, 0), ranges });
    }),
  )
  .subscribe({
    error: (error) => {
      console.error(error);
      process.exit(1);
    },
  });
