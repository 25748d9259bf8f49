import kafkajs, { type CompressionTypes } from 'kafkajs';
import { registerCodecs } from '../../test/support/codecs.js';

const { CompressionTypes: types, Kafka, logLevel } = kafkajs;

/** A topic that is filled once and read by everybody. */
export interface Topic {
  /** What its rows are marked with; empty for the one that all contenders read. */
  readonly label: string;
  readonly name: string;
  readonly partitions: number;
  readonly records: number;
  /** Bytes of key and value together. */
  readonly size: number;
  readonly compression: CompressionTypes;
  /** Read only by the ways of which it is shown that the cost of a record does not grow with their number. */
  readonly growing?: boolean;
}

/** Topics grow by these parts and multiples of all records. */
export const growth = [1 / 8, 1 / 2, 2] as const;

export const growingLabel = (records: number, part: number) => `${(records * part) / 1e6} million`;

const keys = 10_000;

/** The topics of one run: the first with all records, the others with a part, so that each is read in about a second. */
export function topicsOf(run: string, records: number): readonly Topic[] {
  const base = { partitions: 4, size: 100, compression: types.None };
  const part = Math.ceil(records / 4);
  return [
    { ...base, label: '', name: `${run}-base`, records },
    { ...base, label: '1 KB', name: `${run}-large`, records: Math.ceil(records / 8), size: 1_000 },
    { ...base, label: 'gzip', name: `${run}-gzip`, records: part, compression: types.GZIP },
    { ...base, label: 'zstd', name: `${run}-zstd`, records: part, compression: types.ZSTD },
    { ...base, label: '64 partitions', name: `${run}-64`, records: part, partitions: 64 },
    ...growth.map((times) => {
      const label = growingLabel(records, times);
      return { ...base, label, name: `${run}-${times}`, records: Math.ceil(records * times), growing: true };
    }),
  ];
}

/** Text that compresses about as well as JSON does, to about half. The same in every run. */
const padding = (() => {
  let state = 1;
  const characters = Array.from({ length: 1 << 16 }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return '0123456789abcdef'[state >>> 28];
  });
  return characters.join('');
})();

/** Fills a topic: 10,000 keys, values of JSON, record batches of 1 MB over all partitions of a request. */
export async function fill(brokers: string, topic: Topic): Promise<void> {
  const { name, partitions, records, size, compression } = topic;
  await registerCodecs();
  const kafka = new Kafka({ clientId: 'bench-fill', brokers: brokers.split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: name, numPartitions: partitions }], waitForLeaders: true });
  await admin.disconnect();
  const producer = kafka.producer();
  await producer.connect();
  const chunk = Math.max(Math.floor(1_000_000 / size / 2), partitions);
  for (let from = 0; from < records; from += chunk) {
    const count = Math.min(chunk, records - from);
    const messages = Array.from({ length: count }, (_, i) => ({
      ...record(from + i, size),
      partition: i % partitions,
    }));
    await producer.send({ topic: name, messages, compression });
  }
  await producer.disconnect();
}

function record(n: number, size: number): { key: string; value: string } {
  const key = `key-${String(n % keys).padStart(6, '0')}`;
  const start = `{"n":${n},"pad":"`;
  const length = Math.max(size - key.length - start.length - 2, 0);
  const at = (n * 97) % (padding.length - length);
  return { key, value: `${start}${padding.slice(at, at + length)}"}` };
}
