import { randomUUID } from 'node:crypto';
import { foreachBatch, type RecordView } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { from, lastValueFrom, mergeMap, scan, takeWhile, timeout, toArray } from 'rxjs';
import { makeTopic, newKafka, produce } from './kafka.js';

const decoder = new TextDecoder();

export interface Output {
  readonly value: string;
  readonly owner: string | undefined;
}

/** What readers of committed records see of each partition, in order: up to an end that is written now. */
export async function outputOf(topic: string, partitions: number): Promise<readonly (readonly Output[])[]> {
  const kafka = newKafka();
  const end = `end ${randomUUID()}`;
  await produce(kafka, topic, [Array.from({ length: partitions }, (_, partition) => ({ partition, value: end }))]);
  const deserialize = (view: RecordView) => ({
    partition: view.partition,
    value: view.valueText() ?? '',
    owner: view.headers.map(([, value]) => decoder.decode(value ?? new Uint8Array()))[0],
  });
  const all = await lastValueFrom(
    kafkaBatches(kafka, { topics: [topic], start: 'earliest', interval: 50, deserialize }).pipe(
      foreachBatch(() => {}),
      mergeMap(({ records }) => from(records)),
      scan((seen, record) => ({ record, ends: seen.ends + (record.value === end ? 1 : 0) }), {
        record: undefined as ReturnType<typeof deserialize> | undefined,
        ends: 0,
      }),
      takeWhile(({ ends }) => ends < partitions, true),
      timeout({ each: 300_000 }),
      toArray(),
    ),
  );
  return Array.from({ length: partitions }, (_, partition) =>
    all.flatMap(({ record }) =>
      record?.partition === partition && !record.value.startsWith('end ')
        ? [{ value: record.value, owner: record.owner }]
        : [],
    ),
  );
}

export const valuesOf = (output: readonly (readonly Output[])[]) =>
  output.map((partition) => partition.map(({ value }) => value));

/** `count` records in each partition: the partition and the number. */
export async function inputTopic(partitions: number, count: number): Promise<string> {
  const kafka = newKafka();
  const topic = await makeTopic(kafka, partitions);
  const all = Array.from({ length: partitions }, (_, partition) =>
    Array.from({ length: count }, (__, i) => ({ partition, value: `${partition} ${i}` })),
  );
  await produce(kafka, topic, [all.flat()]);
  return topic;
}

export const inputValues = (partitions: number, count: number) =>
  Array.from({ length: partitions }, (_, p) => Array.from({ length: count }, (__, i) => `${p} ${i}`));
