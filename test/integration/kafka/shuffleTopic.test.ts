// Two jobs that are divided into tasks, with a topic between them that gives records another key.
import { randomUUID } from 'node:crypto';
import {
  foreachBatch,
  json,
  kafkaPartitioner,
  mapRecords,
  memoryCheckpoint,
  type RecordView,
  updateStateByKey,
} from 'dstream';
import { kafkaBatches, kafkaTasks, shuffleTopic } from 'dstream/kafka';
import { defer, lastValueFrom, mergeMap, retry, tap } from 'rxjs';
import { expect, it } from 'vitest';
import { standingCasesOfOutput } from '../../operators/standingOutputs.js';
import { describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';

interface Flight {
  readonly carrier: string;
  readonly origin: string;
  readonly number: number;
}

const total = 600;
const flights = Array.from(
  { length: total },
  (_, number): Flight => ({ carrier: `carrier${number % 4}`, origin: `origin${number % 7}`, number }),
);

describeKafka('shuffleTopic', () => {
  standingCasesOfOutput('shuffleTopic', ['a', 'b'], async () => {
    const kafka = newKafka();
    const [input, output, groupId] = [await makeTopic(kafka, 2), await makeTopic(kafka, 1), randomUUID()];
    const options = {
      topics: [input],
      groupId,
      commitOffsets: false,
      start: 'earliest',
      interval: 20,
      deserialize: (view: RecordView) => view.valueText() ?? '',
    } as const;
    return {
      open: (records, batchObserver) =>
        defer(() => produce(kafka, input, [records.map((value, partition) => ({ value, partition }))])).pipe(
          mergeMap(() => kafkaBatches(kafka, { ...options, batchObserver })),
        ),
      output: shuffleTopic<string>({ topic: output, key: (word) => word }).write(kafka, { groupId }),
      passesOnFirst: true,
    };
  });

  it('refuses a record without a key, which would go anywhere, and a topic that does not exist', async () => {
    const kafka = newKafka();
    const input = await makeTopic(kafka, 1);
    await produce(kafka, input, [flights.slice(0, 1).map((flight) => ({ value: JSON.stringify(flight) }))]);
    const written = (topic: string, key: (flight: Flight) => string) => {
      const groupId = randomUUID();
      const source = { topics: [input], groupId, commitOffsets: false, start: 'earliest', interval: 20 } as const;
      const { write } = shuffleTopic<Flight>({ topic, key });
      const batches = kafkaBatches(kafka, { ...source, deserialize: json<Flight>() });
      return lastValueFrom(batches.pipe(write(kafka, { groupId, transactionTimeout: 1_000 })));
    };
    const misspelt = (flight: Flight) => (flight as unknown as { readonly orgin: string }).orgin;
    await expect(written(await makeTopic(kafka, 2), misspelt)).rejects.toThrow(/record \{"carrier".* has no key/);
    const absent = written('never-created', ({ origin }) => origin);
    await expect(absent).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC', topic: 'never-created' });
  });

  it('gives records another key, each once and in order, over failures', async () => {
    const kafka = newKafka();
    const [input, between] = [await makeTopic(kafka, 3), await makeTopic(kafka, 5)];
    const [first, second] = [randomUUID(), randomUUID()];
    const messages = flights.map((flight) => ({
      key: flight.carrier,
      partition: kafkaPartitioner(flight.carrier, 3),
      value: JSON.stringify(flight),
    }));
    await produce(kafka, input, [messages]);
    const byOrigin = shuffleTopic<Flight>({ topic: between, key: ({ origin }) => origin });

    let batches = 0;
    const shuffling = kafkaTasks(kafka, {
      topics: [input],
      groupId: first,
      commitOffsets: false,
      start: 'earliest',
      interval: 50,
      maxRatePerPartition: 1_000,
      deserialize: json<Flight>(),
    });
    const shuffled = lastValueFrom(
      shuffling.pipe(
        mergeMap((task) =>
          task.pipe(
            byOrigin.write(kafka, { groupId: first }),
            // While the batch is being written.
            tap(() => {
              if (++batches % 5 === 0 && batches < 30) throw new Error('injected');
            }),
            retry(),
          ),
        ),
      ),
      { defaultValue: undefined },
    );

    const seen = new Map<string, number[]>();
    const tasksOf = new Map<string, Set<string>>();
    let count = 0;
    const counting = kafkaTasks(kafka, {
      ...byOrigin.source,
      groupId: second,
      interval: 50,
      checkpoint: () => memoryCheckpoint(),
    });
    const counted = lastValueFrom(
      counting.pipe(
        mergeMap((task) =>
          task.pipe(
            mapRecords(({ origin, number }) => [origin, number]),
            updateStateByKey((numbers, all: readonly number[] = []) => [...all, ...numbers], { id: 'numbers' }),
            foreachBatch((origins) => {
              for (const [origin, numbers] of origins) {
                count += numbers.length - (seen.get(origin)?.length ?? 0);
                seen.set(origin, [...numbers]);
                tasksOf.set(origin, (tasksOf.get(origin) ?? new Set()).add(task.task.id));
              }
              if (count === total) void counting.stop();
            }),
          ),
        ),
      ),
      { defaultValue: undefined },
    );
    await counted;
    await shuffling.stop();
    await shuffled;
    for (const [origin, numbers] of seen) {
      const expected = flights.filter((flight) => flight.origin === origin).map(({ number }) => number);
      // Its carriers come from several tasks.
      expect([...numbers].sort((a, b) => a - b)).toEqual(expected);
      for (const carrier of ['carrier0', 'carrier1', 'carrier2', 'carrier3']) {
        const ofCarrier = numbers.filter((number) => flights[number]?.carrier === carrier);
        expect(ofCarrier).toEqual([...ofCarrier].sort((a, b) => a - b));
      }
      expect(tasksOf.get(origin)).toEqual(new Set([String(kafkaPartitioner(origin, 5))]));
    }
    expect(seen.size).toBe(7);
    expect(batches).toBeGreaterThan(5);
  });
});
