import {
  type FetchedPartition,
  type FetchOptions,
  type FetchRequest,
  type LogClient,
  memoryLog,
  type TopicPartition,
} from 'dstream';
import { concatMap, defer, finalize, from, Observable, type SchedulerLike, Subject, timer } from 'rxjs';
import { codecOf } from '../../src/sources/kafka/kafkajs/codecs.js';
import { RecordBatchReader } from '../../src/sources/kafka/protocol/recordBatchReader.js';
import type { RecordReader } from '../../src/sources/log/recordReader.js';
import { encodeBatch } from './recordBatch.js';

interface StoredBatch {
  readonly from: number;
  readonly until: number;
  readonly bytes: Buffer;
}

export interface BatchedLogOptions {
  readonly topic: string;
  /** The sizes of the values of each record, by record batch, by partition. */
  readonly partitions: readonly (readonly (readonly number[])[])[];
  readonly scheduler: SchedulerLike;
  /** How long each fetch takes, ms. */
  readonly latency: number;
  /** How many brokers share the partitions. Each has one request in flight, as Kafka's client does it. */
  readonly brokers?: number;
}

/**
 * A log of real record batches that answers fetches as a broker does: whole batches within the bytes asked for, and one
 * beyond them when nothing else came (KIP-74). It counts the bytes that its reader holds.
 */
export class BatchedLog implements LogClient {
  readonly name = 'batched log';
  /** Bytes of every fetch, as asked and as answered. */
  readonly fetches: { readonly asked: number; readonly bytes: number }[] = [];
  /** The most bytes that were held at once, and the largest record batch. */
  peak = 0;
  readonly largest: number;
  /** The most requests that were under way at once: to one broker, and to all. */
  inFlight = { one: 0, all: 0 };
  /** How often each record batch was sent, by partition and first offset. */
  readonly sent = new Map<string, number>();
  readonly #options: BatchedLogOptions;
  readonly #log;
  readonly #batches: readonly (readonly StoredBatch[])[];
  readonly #queues: readonly Subject<Observable<unknown>>[];
  readonly #waiting: number[] = [];
  #held: { readonly partition: number; readonly reader: RecordReader; readonly bytes: number }[] = [];

  constructor(options: BatchedLogOptions) {
    this.#options = options;
    const { topic, partitions, brokers = 1 } = options;
    this.#log = memoryLog({ topics: { [topic]: partitions.length }, scheduler: options.scheduler });
    this.#batches = partitions.map((batches, partition) => {
      let offset = 0;
      return batches.map((sizes) => {
        const first = offset;
        const records = sizes.map((size) => {
          const value = Buffer.from(`${partition}:${offset} `.padEnd(size, '.'));
          return { offset: offset++, timestamp: 0, key: null, value, headers: [] };
        });
        this.#log.append(
          topic,
          records.map(({ value }) => ({ value, partition })),
        );
        return { from: first, until: offset, bytes: encodeBatch(records) };
      });
    });
    this.largest = Math.max(...this.#batches.flat().map(({ bytes }) => bytes.length));
    this.#queues = Array.from({ length: brokers }, () => {
      const queue = new Subject<Observable<unknown>>();
      queue.pipe(concatMap((call) => call)).subscribe();
      return queue;
    });
  }

  connect = () => this.#log.connect();
  partitions: LogClient['partitions'] = (topics) => this.#log.partitions(topics);
  offsets: LogClient['offsets'] = (partitions, point) => this.#log.offsets(partitions, point);
  committed: LogClient['committed'] = (group, partitions) => this.#log.committed(group, partitions);
  commit: LogClient['commit'] = (group, positions) => this.#log.commit(group, positions);
  close = () => this.#log.close();

  broker = ({ partition }: TopicPartition) => String(partition % (this.#options.brokers ?? 1));

  fetch(requests: readonly FetchRequest[], options: FetchOptions): Observable<readonly FetchedPartition[]> {
    const { latency, scheduler, brokers = 1 } = this.#options;
    return new Observable((subscriber) => {
      const led = this.#queues.map((_, broker) => requests.filter(({ partition }) => partition % brokers === broker));
      let open = led.filter((some) => some.length > 0).length;
      led.forEach((some, broker) => {
        if (some.length === 0) return;
        this.#begin(broker);
        const answered = defer(() => timer(latency, scheduler)).pipe(
          concatMap(() => {
            // Over as soon as it is answered: the next one may be sent.
            this.#waiting[broker]!--;
            if (!subscriber.closed && !options.signal?.aborted) subscriber.next(this.#answer(some, options.maxBytes));
            return from([]);
          }),
          finalize(() => {
            if (--open === 0) subscriber.complete();
          }),
        );
        this.#queues[broker]?.next(answered);
      });
    });
  }

  #answer(requests: readonly FetchRequest[], maxBytes: number): readonly FetchedPartition[] {
    let left = maxBytes;
    let nothingYet = true;
    const answers = requests.map((request) => {
      const { topic, partition, offset } = request;
      const batches = this.#batches[partition] ?? [];
      const place = { topic, partition, offset, earliest: 0, latest: batches.at(-1)?.until ?? 0 };
      const chosen: StoredBatch[] = [];
      let bytes = 0;
      for (const batch of batches) {
        if (batch.until <= offset) continue;
        const fits = bytes + batch.bytes.length <= Math.min(request.maxBytes, left);
        if (!fits && !(nothingYet && chosen.length === 0)) break;
        chosen.push(batch);
        bytes += batch.bytes.length;
      }
      if (chosen.length === 0) return { ...place, bytes: 0 };
      nothingYet = false;
      left = Math.max(left - bytes, 0);
      for (const batch of chosen) this.#count(`${partition}:${batch.from}`);
      const records = Buffer.concat(chosen.map((batch) => batch.bytes));
      const reader = RecordBatchReader.open(records, {
        topic,
        partition,
        from: offset,
        aborted: [],
        checkCrcs: true,
        codecOf,
      });
      if (reader) this.#hold(partition, reader, bytes);
      return { ...place, bytes, records: reader };
    });
    const asked = requests.reduce((sum, request) => sum + request.maxBytes, 0);
    this.fetches.push({ asked, bytes: answers.reduce((sum, answer) => sum + answer.bytes, 0) });
    return answers;
  }

  #begin(broker: number): void {
    const waiting = (this.#waiting[broker] ?? 0) + 1;
    this.#waiting[broker] = waiting;
    const all = this.#waiting.reduce((sum, one) => sum + (one ?? 0), 0);
    this.inFlight = { one: Math.max(this.inFlight.one, waiting), all: Math.max(this.inFlight.all, all) };
  }

  #count(batch: string): void {
    this.sent.set(batch, (this.sent.get(batch) ?? 0) + 1);
  }

  /** To be told when readers of a partition are let go before they are done. */
  release(partition: number): void {
    this.#held = this.#held.filter((held) => held.partition !== partition);
  }

  #hold(partition: number, reader: RecordReader, bytes: number): void {
    this.#held = this.#held.filter((held) => !held.reader.done);
    this.#held.push({ partition, reader, bytes });
    this.peak = Math.max(
      this.peak,
      this.#held.reduce((sum, held) => sum + held.bytes, 0),
    );
  }
}
