import { randomUUID } from 'node:crypto';
import {
  type Batch,
  type Checkpoint,
  type CheckpointSession,
  foreachBatch,
  InvalidOptionError,
  mapRecords,
  memoryCheckpoint,
  RecordTooLargeError,
  type RecordView,
  string,
} from 'dstream';
import { deadLetterTopic, kafkaBatches, sendToKafka } from 'dstream/kafka';
import {
  firstValueFrom,
  from,
  ignoreElements,
  lastValueFrom,
  map,
  type Observable,
  retry,
  scan,
  takeWhile,
  throwError,
  timeout,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { committedOffsets, describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';
import { inputTopic, inputValues, outputOf, valuesOf } from '../../support/kafkaTopics.js';
import { untilCommitted } from '../../support/untilCommitted.js';

const decoder = new TextDecoder();
const text = (bytes: Uint8Array | null) => bytes && decoder.decode(bytes);

/** The first records of a topic with everything that they have. */
function recordsOf(topic: string, count: number) {
  const deserialize = ({ key, value, headers }: RecordView) => ({
    key: text(key),
    value: text(value),
    headers: Object.fromEntries(headers.map(([name, header]) => [name, text(header)])),
  });
  return lastValueFrom(
    kafkaBatches(newKafka(), { topics: [topic], start: 'earliest', interval: 50, deserialize }).pipe(
      foreachBatch(() => {}),
      scan((all, { records }) => [...all, ...records], [] as ReturnType<typeof deserialize>[]),
      takeWhile((all) => all.length < count, true),
      timeout({ each: 300_000 }),
    ),
  );
}

/** A checkpoint that cannot save the first batch: after its transaction, so that it is replayed. */
function failingOnce(checkpoint: Checkpoint): Checkpoint {
  let failures = 1;
  const failing = (session: CheckpointSession): CheckpointSession => ({
    restored: session.restored,
    ...(session.attach && { attach: (state) => session.attach?.(state) }),
    encode: (change) => session.encode(change),
    plan: (batch) => session.plan(batch),
    save: (batch) => (failures-- > 0 ? throwError(() => new Error('crash')) : session.save(batch)),
    close: () => session.close(),
  });
  return { location: checkpoint.location, open: () => from(checkpoint.open()).pipe(map(failing)) };
}

/** The number in a value, which must not be a multiple of 7. */
function numberOf(value: string | null): number {
  const n = Number(value?.split(' ')[1]);
  if (n % 7 === 0) throw new Error(`${n} is a multiple of 7`);
  return n;
}

describe('deadLetterTopic', () => {
  it('refuses options that are out of range', () => {
    const kafka = newKafka({ brokers: ['127.0.0.1:1'] });
    expect(() => deadLetterTopic(kafka, { topic: '', groupId: 'g' })).toThrow(InvalidOptionError);
    expect(() => deadLetterTopic(kafka, { topic: 't', groupId: '' })).toThrow(InvalidOptionError);
    expect(() => deadLetterTopic(kafka, { topic: 't', groupId: 'g', transactionTimeout: -1 })).toThrow(
      InvalidOptionError,
    );
    // @ts-expect-error a topic is needed
    expect(() => deadLetterTopic(kafka, { groupId: 'g' })).toThrow(InvalidOptionError);
  });
});

describeKafka('deadLetterTopic', () => {
  it('writes each failed record once, beside the results, over failures', async () => {
    const kafka = newKafka();
    const [input, output, groupId] = [await inputTopic(2, 60), await makeTopic(kafka, 1), randomUUID()];
    const failed = await makeTopic(kafka, 1);
    let batches = 0;
    const stream = kafkaBatches(kafka, {
      topics: [input],
      groupId,
      commitOffsets: false,
      start: 'earliest',
      interval: 20,
      maxRatePerPartition: 500,
      deserialize: string(),
      onRecordError: deadLetterTopic(kafka, { topic: failed, groupId }),
    }).pipe(
      mapRecords((value) => ({ value: `${numberOf(value)}`, partition: 0 })),
      sendToKafka(kafka, { topic: output, groupId }),
      foreachBatch(() => {
        if (batches++ % 3 === 1) throw new Error('crash');
      }),
      retry(),
    );
    await untilCommitted({ kafka, groupId, input }, stream, [60, 60]);
    const [good = [], bad = []] = [valuesOf(await outputOf(output, 1))[0], valuesOf(await outputOf(failed, 1))[0]];
    const all = inputValues(2, 60).flat();
    const isBad = (value: string) => Number(value.split(' ')[1]) % 7 === 0;
    expect([...bad].sort()).toEqual(all.filter(isBad).sort());
    expect([...good].sort()).toEqual(
      all
        .filter((value) => !isBad(value))
        .map((value) => value.split(' ')[1])
        .sort(),
    );
  });

  it('keeps key, value and headers, and says what happened, with a group of its own and a checkpoint', async () => {
    const kafka = newKafka();
    const [input, failed, groupId] = [await makeTopic(kafka, 1), await makeTopic(kafka, 1), randomUUID()];
    await produce(kafka, input, [
      [
        { partition: 0, key: 'k0', value: '0 8', headers: { trace: 'x' } },
        { partition: 0, key: 'k1', value: '0 14', headers: { trace: 'y' } },
      ],
    ]);
    const stream: Observable<Batch<number>> = kafkaBatches(kafka, {
      topics: [input],
      start: 'earliest',
      interval: 20,
      deserialize: string(),
      checkpoint: failingOnce(memoryCheckpoint()),
      onRecordError: deadLetterTopic(kafka, { topic: failed, groupId }),
    }).pipe(
      mapRecords(numberOf),
      foreachBatch(() => {}),
    );
    await untilCommitted({ kafka, groupId, input }, stream.pipe(retry()), [2]);
    await produce(kafka, failed, [[{ partition: 0, value: 'end' }]]);
    const records = await recordsOf(failed, 2);
    expect(records).toHaveLength(2);
    expect(records[0]).toMatchObject({
      key: 'k1',
      value: '0 14',
      headers: {
        trace: 'y',
        'dstream-operator': 'mapRecords',
        'dstream-error': 'Error: 14 is a multiple of 7',
        'dstream-topic': input,
        'dstream-partition': '0',
        'dstream-offset': '1',
      },
    });
  });
});

describeKafka('records that a topic does not allow', () => {
  const limit = 20_000;
  const config = { configEntries: [{ name: 'max.message.bytes', value: `${limit}` }] };
  const job = async (valueAt: (i: number) => string, count: number) => {
    const kafka = newKafka();
    const [input, output, groupId] = [await inputTopic(1, count), await makeTopic(kafka, 1, config), randomUUID()];
    const options = { topics: [input], groupId, commitOffsets: false, start: 'earliest', interval: 20 } as const;
    const deserialize = (view: RecordView) => ({ value: valueAt(view.offset), key: 'k' });
    return { kafka, input, output, groupId, options: { ...options, deserialize } };
  };

  it('are named, with partition, size and limit', async () => {
    const { kafka, output, groupId, options, input } = await job((i) => (i === 3 ? 'z'.repeat(30_000) : `${i}`), 5);
    const stream = kafkaBatches(kafka, options).pipe(sendToKafka(kafka, { topic: output, groupId }));
    const error = await firstValueFrom(stream.pipe(ignoreElements(), timeout(120_000))).catch((cause) => cause);
    expect(error).toBeInstanceOf(RecordTooLargeError);
    expect(error).toMatchObject({ topic: output, partition: 0, limit });
    expect(error.size).toBeGreaterThan(30_000);
    expect(error.cause.message).toBe('Produce failed: MESSAGE_TOO_LARGE');
    expect(await committedOffsets(kafka, groupId, input)).not.toContain(5);
  });

  it('are put aside under a policy, and do not hold the others up', async () => {
    const { kafka, output, groupId, options, input } = await job((i) => (i === 3 ? 'z'.repeat(30_000) : `${i}`), 5);
    const letters: unknown[] = [];
    const onRecordError = { next: ({ error }: { readonly error: unknown }) => void letters.push(error) };
    const stream = kafkaBatches(kafka, { ...options, onRecordError }).pipe(
      sendToKafka(kafka, { topic: output, groupId }),
      retry(),
    );
    await untilCommitted({ kafka, groupId, input }, stream, [5]);
    expect(letters.at(-1)).toBeInstanceOf(RecordTooLargeError);
    expect(valuesOf(await outputOf(output, 1))).toEqual([['0', '1', '2', '4']]);
  });

  it('only together are sent in smaller requests', async () => {
    const { kafka, output, groupId, options, input } = await job((i) => `${i} ${'y'.repeat(500)}`, 300);
    const stream = kafkaBatches(kafka, options).pipe(sendToKafka(kafka, { topic: output, groupId }));
    await untilCommitted({ kafka, groupId, input }, stream, [300]);
    const [values = []] = valuesOf(await outputOf(output, 1));
    expect(values.map((value) => Number(value.split(' ')[0]))).toEqual(Array.from({ length: 300 }, (_, i) => i));
  });
});
