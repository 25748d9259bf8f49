import { createRequire } from 'node:module';
import type { Kafka } from 'kafkajs';
import { encodeBatch } from './recordBatch.js';

/** A Fetch request, as it went over the wire. */
export interface SentFetch {
  readonly broker: string;
  readonly partitions: readonly { readonly partition: number; readonly offset: number; readonly maxBytes: number }[];
}

/** What a broker answers for a partition. */
export interface Answer {
  readonly errorCode?: number;
  readonly records?: Buffer;
}

export interface Script {
  readonly topic: string;
  /** The leader of each partition; asked anew at each look at the metadata. */
  leaders(look: number): readonly string[];
  /** The answer to a fetch of one partition. A promise lets it wait; a rejection is what kafkajs fails with. */
  answer(sent: SentFetch, partition: number, offset: number): Answer | Promise<Answer>;
  readonly throttleTime?: number;
  /** Partitions that the responses to ListOffsets and OffsetFetch leave out. */
  leavesOut?(partition: number): boolean;
  /** The end of each partition. */
  readonly end: number;
  /** The first offset of each partition. Default: 0. */
  readonly begin?: number;
  /** A setting of the topic, or what asking for it fails with. Default: it has no settings. */
  settings?(name: string): string | undefined | Error;
  /** Where the first open transaction begins. Default: there is none. */
  readonly stable?: number;
}

const Decoder = createRequire(import.meta.url)('kafkajs/src/protocol/decoder.js') as new (
  bytes: Buffer,
) => {
  readInt8(): number;
  readInt32(): number;
  readInt64(): bigint;
  readString(): string;
};

/**
 * Stands where kafkajs's cluster stands, and answers Fetch requests byte by byte as scripted: for errors and delays that no
 * real broker gives at will. Requests are read, and responses written, from Kafka's description of the protocol.
 */
export function scriptedCluster(script: Script) {
  const sent: SentFetch[] = [];
  const inFlight = new Map<string, number>();
  const most = { one: 0, all: 0 };
  const throttled: number[] = [];
  let looks = 0;
  const fetch = async (broker: string, request: SentFetch): Promise<Buffer> => {
    sent.push(request);
    const now = (inFlight.get(broker) ?? 0) + 1;
    inFlight.set(broker, now);
    most.one = Math.max(most.one, now);
    most.all = Math.max(most.all, [...inFlight.values()].filter((count) => count > 0).length);
    try {
      // As over a network: never in the same turn.
      await new Promise((resolve) => setImmediate(resolve));
      const answers = request.partitions.map(({ partition, offset }) => script.answer(request, partition, offset));
      return encodeResponse(script, request, await Promise.all(answers));
    } finally {
      inFlight.set(broker, now - 1);
    }
  };

  /** By API key. */
  const respond: Readonly<Record<number, (broker: string, bytes: Buffer) => Promise<Buffer>>> = {
    3: async (_, bytes) => encodeMetadata(script, asksForNoTopic(bytes) ? undefined : script.leaders(looks++)),
    2: async (_, bytes) => encodeOffsets(script, decodeListOffsets(bytes)),
    1: (broker, bytes) => fetch(broker, decodeRequest(broker, bytes)),
    10: async () => coordinator,
  };
  const brokerOf = (nodeId: string) => ({
    versions: { 3: { maxVersion: 11 } },
    isConnected: () => true,
    connect: async () => {},
    disconnect: async () => {},
    connectionPool: {
      send: async ({ request, response }: { request: Request; response: Response }) => {
        const { buffer } = await request.encode();
        const body = await respond[request.apiKey]?.(nodeId, buffer);
        if (!body) throw new Error(`API ${request.apiKey} is not scripted`);
        const decoded = await response.decode(body);
        // What kafkajs waits for before it sends the next request.
        if (request.apiKey === 1) throttled.push(decoded.clientSideThrottleTime);
        return response.parse(decoded);
      },
    },
    offsetFetch: async ({ topics }: { topics: readonly Listed[] }) => ({
      responses: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions
          .filter(({ partition }) => !script.leavesOut?.(partition))
          .map(({ partition }) => ({ partition, offset: '3' })),
      })),
    }),
  });

  const cluster = {
    brokerPool: {
      connectionPoolBuilder: { build: async (place = addressOf('0')) => ({ ...place, pool: [] }) },
      createBroker: ({ connectionPool }: { connectionPool: { host: string } }) => brokerOf(connectionPool.host),
    },
  };
  const admin = {
    connect: async () => {},
    disconnect: async () => {},
    describeConfigs: async ({ resources: [asked] }: { resources: readonly { configNames: readonly string[] }[] }) => {
      const configEntries = (asked?.configNames ?? []).map((configName) => {
        const configValue = script.settings?.(configName);
        if (configValue instanceof Error) throw configValue;
        return { configName, configValue };
      });
      return { resources: [{ configEntries }] };
    },
  };
  const kafka = {
    [Symbol('private:Kafka:createCluster')]: () => cluster,
    admin: () => admin,
  } as unknown as Kafka;
  return { kafka, sent, most, throttled, looks: () => looks };
}

/** FindCoordinator response, version 2: no throttle time, no error, no message, node 0 at host "0". */
const coordinator = Buffer.from([...Array(6).fill(0), 0xff, 0xff, 0, 0, 0, 0, 0, 1, 48, 0, 0, 0x23, 0x84]);

/** The host of a broker is its node id. */
const addressOf = (nodeId: string) => ({ nodeId: Number(nodeId), host: nodeId, port: 9092 });

interface Request {
  readonly apiKey: number;
  encode(): Promise<{ readonly buffer: Buffer }>;
}
interface Response {
  decode(raw: Buffer): Promise<{ readonly clientSideThrottleTime: number }>;
  parse(decoded: unknown): Promise<unknown>;
}
interface Listed {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number }[];
}

/** Metadata request, version 11: tags, and then the number of topics and one. */
const asksForNoTopic = (bytes: Buffer) => bytes[1] === 1;

/** Metadata response, version 11; without leaders, of the brokers alone. */
function encodeMetadata({ topic }: Script, leaders: readonly string[] = []): Buffer {
  const compact = (text: string) => [Buffer.from([text.length + 1]), Buffer.from(text)];
  const tags = Buffer.from([0]);
  const none = Buffer.from([0]);
  const nodes = [...new Set(['0', ...leaders.filter((leader) => leader !== '-1')])];
  const brokers = nodes.flatMap((id) => [int(4, Number(id)), ...compact(id), int(4, 9_092), none, tags]);
  const partitions = leaders.flatMap((leader, partition) => {
    const replicas = Buffer.from([1, 1, 1]);
    return [int(2, leader === '-1' ? 5 : 0), int(4, partition), int(4, Number(leader)), int(4, 0), replicas, tags];
  });
  const topicId = Buffer.alloc(16, 7);
  const head = [tags, int(4, 0), Buffer.from([nodes.length + 1]), ...brokers, ...compact('cluster'), int(4, 0)];
  if (leaders.length === 0) return Buffer.concat([...head, Buffer.from([1]), tags]);
  return Buffer.concat([
    ...head,
    ...[Buffer.from([2]), int(2, 0), ...compact(topic), topicId, Buffer.from([0]), Buffer.from([leaders.length + 1])],
    ...[...partitions, int(4, 0), tags, tags],
  ]);
}

interface ListedPartition {
  readonly partition: number;
  readonly timestamp: number;
}

/** ListOffsets request, version 5. */
function decodeListOffsets(bytes: Buffer): { readonly isolationLevel: number; readonly partitions: ListedPartition[] } {
  const decoder = new Decoder(bytes);
  decoder.readInt32(); // replica
  const isolationLevel = decoder.readInt8();
  const partitions: ListedPartition[] = [];
  for (let topics = decoder.readInt32(); topics > 0; topics--) {
    decoder.readString();
    for (let count = decoder.readInt32(); count > 0; count--) {
      const partition = decoder.readInt32();
      decoder.readInt32(); // leader epoch
      partitions.push({ partition, timestamp: Number(decoder.readInt64().toString()) });
    }
  }
  return { isolationLevel, partitions };
}

/** ListOffsets response, version 5. */
function encodeOffsets(
  script: Script,
  { isolationLevel, partitions }: { readonly isolationLevel: number; readonly partitions: readonly ListedPartition[] },
): Buffer {
  const latest = isolationLevel === 1 ? (script.stable ?? script.end) : script.end;
  const answered = partitions.filter(({ partition }) => !script.leavesOut?.(partition));
  const listed = answered.flatMap(({ partition, timestamp }) => {
    return [
      int(4, partition),
      int(2, 0),
      int(8, -1),
      int(8, timestamp === -2 ? (script.begin ?? 0) : latest),
      int(4, 0),
    ];
  });
  const topic = [int(2, script.topic.length), Buffer.from(script.topic)];
  return Buffer.concat([int(4, 0), int(4, 1), ...topic, int(4, answered.length), ...listed]);
}

/** Fetch request, version 11. */
function decodeRequest(broker: string, bytes: Buffer): SentFetch {
  const decoder = new Decoder(bytes);
  // Replica, longest wait, fewest bytes, most bytes; isolation level; session and epoch.
  for (let i = 0; i < 4; i++) decoder.readInt32();
  decoder.readInt8();
  for (let i = 0; i < 2; i++) decoder.readInt32();
  const partitions: { partition: number; offset: number; maxBytes: number }[] = [];
  for (let topics = decoder.readInt32(); topics > 0; topics--) {
    decoder.readString();
    for (let count = decoder.readInt32(); count > 0; count--) {
      const partition = decoder.readInt32();
      decoder.readInt32(); // leader epoch
      const offset = Number(decoder.readInt64().toString());
      decoder.readInt64(); // start of the log
      partitions.push({ partition, offset, maxBytes: decoder.readInt32() });
    }
  }
  return { broker, partitions };
}

const int = (size: 2 | 4 | 8, value: number) => {
  const bytes = Buffer.alloc(size);
  if (size === 8) bytes.writeBigInt64BE(BigInt(value));
  else bytes.writeIntBE(value, 0, size);
  return bytes;
};

/** Fetch response, version 11. */
function encodeResponse(
  { topic, throttleTime = 0, end, stable = end }: Script,
  sent: SentFetch,
  answers: readonly Answer[],
): Buffer {
  const partitions = answers.map(({ errorCode = 0, records = Buffer.alloc(0) }, i) =>
    Buffer.concat([
      ...[int(4, sent.partitions[i]?.partition ?? 0), int(2, errorCode), int(8, end), int(8, stable), int(8, 0)],
      ...[int(4, -1), int(4, -1), int(4, records.length), records],
    ]),
  );
  return Buffer.concat([
    ...[int(4, throttleTime), int(2, 0), int(4, 0), int(4, 1), int(2, topic.length), Buffer.from(topic)],
    ...[int(4, partitions.length), ...partitions],
  ]);
}

/** A record batch with the records [from, from + count); each value is its offset. */
export function batchAt(from: number, count: number): Buffer {
  return encodeBatch(
    Array.from({ length: count }, (_, i) => {
      return { offset: from + i, timestamp: 0, key: null, value: Buffer.from(String(from + i)), headers: [] };
    }),
  );
}
