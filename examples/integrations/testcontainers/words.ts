import { type Checkpoint, foreachBatch, mapRecords, type Pair, string, updateStateByKey } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import type { Kafka } from 'kafkajs';
import type { Observable } from 'rxjs';

export interface WordsOptions {
  readonly topic: string;
  readonly checkpoint: Checkpoint;
  /** Receives the words of a batch with their counts since the beginning. */
  readonly write: (counts: readonly Pair<string, number>[]) => unknown;
}

/** Counts the words that are in the topic now. */
export function countWords(kafka: Kafka, { topic, checkpoint, write }: WordsOptions): Observable<unknown> {
  const words = kafkaBatches(kafka, {
    topics: [topic],
    start: 'earliest',
    until: 'latest',
    interval: 100,
    deserialize: string(),
    checkpoint,
  });
  return words.pipe(
    mapRecords((word) => [word ?? '', 1]),
    updateStateByKey((ones, count: number | undefined) => (count ?? 0) + ones.length, {
      id: 'counts',
      call: 'touched',
    }),
    foreachBatch(write),
  );
}
