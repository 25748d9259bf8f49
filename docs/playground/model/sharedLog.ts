import { type LogClient, type MemoryLog, memoryLog } from 'dstream';
import { from, Observable, type ObservableInput } from 'rxjs';
import { sharesOf } from './arrivals.js';
import type { Clock } from './clock.js';

const topic = 'orders';
const value = new Uint8Array([123, 125]);

/** The log that both streams read. It takes records, forgets what all have read, and its broker can go away. */
export class SharedLog {
  readonly topic = topic;
  readonly #log: MemoryLog;
  readonly #partitions: number;
  readonly #fractions: number[];
  #away: (() => void)[] | undefined;

  constructor(clock: Clock, partitions: number) {
    this.#partitions = partitions;
    this.#fractions = Array.from({ length: partitions }, () => 0);
    this.#log = memoryLog({ topics: { [topic]: partitions }, scheduler: clock });
  }

  /** Appends records, the first partition `skew` times as many as the next. Fractions wait until they are one. */
  append(records: number, skew: number): void {
    for (const [partition, share] of sharesOf(this.#partitions, skew).entries()) {
      const due = (this.#fractions[partition] ?? 0) + records * share;
      const count = Math.floor(due);
      this.#fractions[partition] = due - count;
      if (count > 0)
        this.#log.append(
          topic,
          Array.from({ length: count }, () => ({ value, partition })),
        );
    }
  }

  /** Retention: what lies below these offsets by partition is deleted. */
  forget(offsets: readonly number[]): void {
    for (const [partition, offset] of offsets.entries()) this.#log.truncate(topic, partition, offset);
  }

  /** A client of this log. While the broker is away its answers wait, as those of a Kafka client do that tries again. */
  client(): LogClient {
    const log = this.#log;
    const later = <T>(call: () => ObservableInput<T>) => this.#whenThere(call);
    return {
      name: log.name,
      connect: () => later(() => log.connect()),
      partitions: (topics) => later(() => log.partitions(topics)),
      offsets: (partitions, point) => later(() => log.offsets(partitions, point)),
      diverged: (positions) => later(() => log.diverged(positions)),
      committed: (groupId, partitions) => later(() => log.committed(groupId, partitions)),
      commit: (groupId, positions) => later(() => log.commit(groupId, positions)),
      fetch: (requests, options) => later(() => log.fetch(requests, options)),
      close: () => log.close(),
    };
  }

  leave(): void {
    this.#away ??= [];
  }

  comeBack(): void {
    const waiting = this.#away ?? [];
    this.#away = undefined;
    for (const answer of waiting) answer();
  }

  get isAway(): boolean {
    return this.#away !== undefined;
  }

  #whenThere<T>(call: () => ObservableInput<T>): ObservableInput<T> {
    if (!this.#away) return call();
    return new Observable<T>((subscriber) => {
      const answer = () => {
        if (!subscriber.closed) subscriber.add(from(call()).subscribe(subscriber));
      };
      if (this.#away) this.#away.push(answer);
      else answer();
    });
  }
}
