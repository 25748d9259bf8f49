import type { MemoryLog } from 'dstream';
import type { Kafka } from 'kafkajs';
import { concatMap, interval, map, type Observable, scan, takeUntil, timer } from 'rxjs';
import type { Flight } from './flight.js';

/** Where the replayed flights are written to. */
export interface FlightSink {
  write(flights: readonly Flight[]): Promise<void> | void;
  close(): Promise<void> | void;
}

export const topic = 'flights';
const period = 100;

/** Replays the flights, over and over, at `speed` flights a second for `duration` seconds; emits how many were written. */
export function replay(
  flights: readonly Flight[],
  sink: FlightSink,
  speed: number,
  until: Observable<unknown>,
): Observable<number> {
  const perTick = (speed * period) / 1_000;
  return interval(period).pipe(
    takeUntil(until),
    map((tick) => [Math.floor(tick * perTick), Math.floor((tick + 1) * perTick)] as const),
    concatMap(async ([from, to]) => {
      const due = Array.from({ length: to - from }, (_, i) => flights[(from + i) % flights.length] as Flight);
      if (due.length > 0) await sink.write(due);
      return due.length;
    }),
    scan((written, count) => written + count, 0),
  );
}

/** Until the time is up, if there is one. */
export function after(seconds: number | undefined): Observable<unknown> {
  return seconds === undefined ? timer(2 ** 31 - 1) : timer(seconds * 1_000);
}

export function memorySink(log: MemoryLog): FlightSink {
  return {
    write: (flights) => {
      log.append(
        topic,
        flights.map((flight) => ({ key: flight.origin, value: JSON.stringify(flight) })),
      );
    },
    close: () => {},
  };
}

/** Makes the topic where it is missing. */
export async function kafkaSink(kafka: Kafka, name = topic, partitions = 4): Promise<FlightSink> {
  const admin = kafka.admin();
  await admin.connect();
  if (!(await admin.listTopics()).includes(name)) {
    await admin.createTopics({ topics: [{ topic: name, numPartitions: partitions }], waitForLeaders: true });
  }
  await admin.disconnect();
  const producer = kafka.producer();
  await producer.connect();
  return {
    write: async (flights) => {
      await producer.send({
        topic: name,
        messages: flights.map((flight) => ({ key: flight.origin, value: JSON.stringify(flight) })),
      });
    },
    close: () => producer.disconnect(),
  };
}
