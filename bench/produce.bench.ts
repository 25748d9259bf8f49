// What does a record cost that is written to Kafka, until its bytes are ready to be sent?
//
//   npm run bench -- produce [--rounds N] [--records N]
//
// Records with a key, of 100 bytes, in batches of 1,000: our own record batches beside those of kafkajs, which encodes each record into
// objects of its own. Both compute the checksum. `grouped` adds what comes first: the records are grouped by partition. Processor time of the
// process, in turns.
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { MessagePartitioner } from '../src/sources/kafka/kafkajs/messagePartitioner.js';
import { nativeCrc32c } from '../src/sources/kafka/kafkajs/nativeCrc32c.js';
import { RecordBatchWriter } from '../src/sources/kafka/protocol/recordBatchWriter.js';
import { rowOf, writeResults } from './report.js';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, records: { type: 'string', default: '200000' } },
});
const require = createRequire(import.meta.url);
const { RecordBatch: KafkajsBatch } = require('kafkajs/src/protocol/recordBatch/v0');
const KafkajsRecord = require('kafkajs/src/protocol/recordBatch/record/v0');
const groupMessagesPerPartition = require('kafkajs/src/producer/groupMessagesPerPartition');
const { DefaultPartitioner: theirPartitioner } = require('kafkajs').Partitioners;

const total = Number(options.records);
const perBatch = 1_000;
const timestamp = 1_764_000_000_000;
const messages = Array.from({ length: perBatch }, (_, i) => ({
  key: `airport-${i % 300}`,
  value: `{"origin":"SFO","delay":${i},"text":"${'x'.repeat(60)}"}`,
  timestamp: timestamp + i,
}));
const headers = [] as const;

function ours(crc32c: ReturnType<typeof nativeCrc32c>): number {
  const writer = new RecordBatchWriter({ crc32c });
  let bytes = 0;
  for (let done = 0; done < total; done += perBatch) {
    for (const { key, value, timestamp: at } of messages) writer.add({ key, value, headers, timestamp: at });
    bytes += (writer.finish() as Buffer).length;
  }
  return bytes;
}

const leaders = [0, 1, 2, 3].map((partition) => ({ topic: 't', partition, leader: '1' }));
const partitioner = new MessagePartitioner(async () => leaders);
const texts = messages.map((message) => ({ ...message, timestamp: String(message.timestamp) }));

async function oursGrouped(): Promise<number> {
  const writer = new RecordBatchWriter({ crc32c: nativeCrc32c() });
  let bytes = 0;
  for (let done = 0; done < total; done += perBatch) {
    for (const group of await partitioner.partition('t', texts)) {
      for (const { key = null, value, timestamp: at } of group.messages) {
        writer.add({ key, value, headers, timestamp: Number(at) });
      }
      bytes += (writer.finish() as Buffer).length;
    }
  }
  return bytes;
}

async function theirs(grouped: boolean): Promise<number> {
  const partitionMetadata = [0, 1, 2, 3].map((partitionId) => ({ partitionId, leader: 1 }));
  let bytes = 0;
  for (let done = 0; done < total; done += perBatch) {
    if (grouped) {
      groupMessagesPerPartition({ topic: 't', partitionMetadata, messages, partitioner: theirPartitioner() });
    }
    const records = messages.map(({ key, value, timestamp: at }, i) =>
      KafkajsRecord({ offsetDelta: i, timestampDelta: at - timestamp, key, value, headers: {} }),
    );
    const fields = { compression: 0, firstTimestamp: timestamp, maxTimestamp: timestamp + perBatch - 1 };
    const batch = await KafkajsBatch({ ...fields, lastOffsetDelta: perBatch - 1, records });
    bytes += batch.size();
  }
  return bytes;
}

const contenders: Readonly<Record<string, () => number | Promise<number>>> = {
  'dstream, @node-rs/crc32': () => ours(nativeCrc32c()),
  'dstream, plain JavaScript': () => ours(undefined),
  'dstream, grouped and encoded': () => oursGrouped(),
  'kafkajs, encoded': () => theirs(false),
  'kafkajs, grouped and encoded': () => theirs(true),
};
const samples = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]));
for (let round = 0; round <= Number(options.rounds); round++) {
  for (const [name, run] of Object.entries(contenders)) {
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    // The first round warms up.
    if (round > 0) samples.get(name)?.push((user + system) / total);
  }
}
const rows = [...samples].map(([name, times]) => rowOf(name, times));
const [encoded, , grouped, theirsEncoded, theirsGrouped] = rows;
const ratios = {
  'kafkajs, encoded / dstream': (theirsEncoded?.median ?? 0) / (encoded?.median ?? 1),
  'kafkajs, grouped and encoded / dstream': (theirsGrouped?.median ?? 0) / (grouped?.median ?? 1),
};
const unit = 'µs of processor time a record';
writeResults('produce', { records: total, rounds: Number(options.rounds), unit, rows, ratios });
