import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BatchInfo,
  type Checkpoint,
  foreachBatch,
  mapRecords,
  type Pair,
  string,
  updateStateByKey,
} from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { fileCheckpoint, lmdbCheckpoint } from 'dstream/node';
import { afterAll, expect, it } from 'vitest';
import { describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';

const kafka = newKafka();
const base = mkdtempSync(join(tmpdir(), 'dstream-lost-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const send = (topic: string, ...values: string[]) =>
  produce(kafka, topic, [values.map((value) => ({ value, partition: 0 }))]);

/** As retention does, of the one partition. */
async function deleteBefore(topic: string, offset: number): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  // kafkajs deletes records only of topics whose metadata it has loaded.
  await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: `${offset}` }] });
  await admin.disconnect();
}

interface Run {
  readonly checkpoint: Checkpoint;
  readonly crashAt?: string;
  readonly offsetOutOfRange?: 'earliest';
}

/** Counts values until `until` has been counted. Returns the counts, and the lost ranges that the inputs report. */
async function count(topic: string, until: string, { crashAt, ...options }: Run) {
  const infos: BatchInfo[] = [];
  const stream = kafkaBatches(kafka, {
    topics: [topic],
    start: 'earliest',
    interval: 50,
    deserialize: string(),
    batchObserver: { next: (info) => infos.push(info) },
    ...options,
  });
  let counts: readonly Pair<string, number>[] = [];
  await new Promise<void>((resolve, reject) => {
    stream
      .pipe(
        mapRecords((value): Pair<string, number> => [value ?? '', 1]),
        updateStateByKey((values: readonly number[], before: number | undefined) => (before ?? 0) + values.length, {
          id: 'counts',
        }),
        foreachBatch((all) => {
          if (all.some(([value]) => value === crashAt)) throw new Error('crash');
          counts = all;
          if (all.some(([value]) => value === until)) void stream.stop();
        }),
      )
      .subscribe({ error: reject, complete: resolve });
  });
  const lost = infos.flatMap(({ inputs }) => Object.values(inputs).flatMap((input) => input.lost ?? []));
  return { counts: counts.map(([value]) => value), lost };
}

describeKafka.each([
  ['file', (name: string) => fileCheckpoint(join(base, name))],
  ['lmdb', (name: string) => lmdbCheckpoint(join(base, name))],
])('offsets that retention has taken, with the checkpoint %s', (store, open) => {
  it('are named by a restart, which passes over them as told and keeps its state', async () => {
    const topic = await makeTopic(kafka, 1);
    const checkpoint = open(`${store}-saved`);
    await send(topic, 'a', 'b');
    expect(await count(topic, 'b', { checkpoint })).toEqual({ counts: ['a', 'b'], lost: [] });

    await send(topic, 'c', 'd', 'e');
    await deleteBefore(topic, 4);
    const lost = { topic, partition: 0, from: 2, until: 4 };
    await expect(count(topic, 'e', { checkpoint })).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', lost });
    const onward = await count(topic, 'e', { checkpoint, offsetOutOfRange: 'earliest' });
    expect(onward).toEqual({ counts: ['a', 'b', 'e'], lost: [expect.objectContaining(lost)] });
  });

  it('are named when they are of a batch that was planned and never completed', async () => {
    const topic = await makeTopic(kafka, 1);
    const checkpoint = open(`${store}-planned`);
    await send(topic, 'a', 'b');
    await count(topic, 'b', { checkpoint });
    await send(topic, 'c', 'd', 'e');
    await expect(count(topic, 'e', { checkpoint, crashAt: 'd' })).rejects.toThrow('crash');

    await deleteBefore(topic, 4);
    const lost = { topic, partition: 0, from: 2 };
    await expect(count(topic, 'e', { checkpoint })).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', lost });
    const { counts } = await count(topic, 'e', { checkpoint, offsetOutOfRange: 'earliest' });
    expect(counts).toEqual(['a', 'b', 'e']);
  });
});
