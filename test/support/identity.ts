import {
  type BatchInfo,
  type Checkpoint,
  foreachBatch,
  type LogSourceOptions,
  type OffsetRange,
  string,
} from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import type { Kafka } from 'kafkajs';
import { filter, firstValueFrom, Subject, timeout } from 'rxjs';

/** How long anything on a cluster may take, on a machine with much other work. */
const deadlineMs = 120_000;

export interface ReadingOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly checkpoint?: Checkpoint;
  readonly offsetOutOfRange?: NonNullable<LogSourceOptions<unknown>['offsetOutOfRange']>;
}

/** Reads a topic in the background; what has come is looked at with a deadline. */
export function reading({ kafka, topic, ...options }: ReadingOptions) {
  const values: string[] = [];
  const lost: OffsetRange[] = [];
  const errors: unknown[] = [];
  const changed = new Subject<void>();
  const stream = kafkaBatches(kafka, {
    topics: [topic],
    start: 'earliest',
    interval: 200,
    deserialize: string(),
    retryTimeout: deadlineMs,
    batchObserver: {
      next: ({ inputs }: BatchInfo) => {
        lost.push(...(inputs.kafka?.lost ?? []));
        changed.next();
      },
    },
    ...options,
  });
  const subscription = stream
    .pipe(foreachBatch<string | null>((records) => void values.push(...records.map(String))))
    .subscribe({
      error: (error) => {
        errors.push(error);
        changed.next();
      },
    });
  const until = async (done: () => boolean): Promise<void> => {
    if (done()) return;
    await firstValueFrom(changed.pipe(filter(done), timeout(deadlineMs)));
  };
  return {
    values,
    lost,
    errors,
    has: (count: number) => until(() => values.length >= count || errors.length > 0),
    failed: () => until(() => errors.length > 0),
    stop: async () => {
      await stream.stop();
      subscription.unsubscribe();
    },
  };
}

/** Tries until it works: a cluster takes its time to make a change known. */
export async function eventually<T>(what: string, work: () => Promise<T>): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    try {
      return await work();
    } catch (cause) {
      if (performance.now() > end) throw new Error(`${what}: in vain`, { cause });
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}
