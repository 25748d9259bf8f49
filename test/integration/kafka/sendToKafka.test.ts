import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  Batch,
  concatMapBatch,
  countByValue,
  foreachBatch,
  InvalidOptionError,
  InvalidRecordError,
  mapRecords,
  memoryCheckpoint,
  type Pair,
  type StreamMonitor,
  string,
  updateStateByKey,
} from 'dstream';
import { kafkaBatches, sendToKafka } from 'dstream/kafka';
import { defer, endWith, ignoreElements, lastValueFrom, mergeMap, of, retry, timeout } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { OpenBatch } from '../../../src/driver/openBatch.js';
import { StateRegistry } from '../../../src/state/stateRegistry.js';
import { buildChild } from '../../crash/buildChild.js';
import { standingCasesOfOutput } from '../../operators/standingOutputs.js';
import { brokers, committedOffsets, describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';
import { inputTopic, inputValues, outputOf, valuesOf } from '../../support/kafkaTopics.js';
import { untilCommitted } from '../../support/untilCommitted.js';

let child: string;
beforeAll(async () => {
  child = await buildChild(new URL('../../support/kafkaToKafkaChild.ts', import.meta.url));
});
describe('sendToKafka', () => {
  it('refuses options that are out of range', () => {
    const kafka = newKafka({ brokers: ['127.0.0.1:1'] });
    expect(() => sendToKafka(kafka, { groupId: '' })).toThrow(InvalidOptionError);
    expect(() => sendToKafka(kafka, { groupId: 'g', topic: '' })).toThrow(InvalidOptionError);
    expect(() => sendToKafka(kafka, { groupId: 'g', transactionTimeout: 0 })).toThrow(InvalidOptionError);
    // @ts-expect-error a group is needed
    expect(() => sendToKafka(kafka, {})).toThrow(InvalidOptionError);
    const options = { topics: ['t'], interval: 10, deserialize: string(), commitOffsets: true };
    expect(() => kafkaBatches(kafka, options)).toThrow(InvalidOptionError);
  });

  it('refuses batches that are of no offset ranges', async () => {
    const kafka = newKafka({ brokers: ['127.0.0.1:1'] });
    const id = { time: 10, interval: 10, zeroTime: 0, submissionTime: 10 };
    const events = { complete: () => {}, fail: () => {} };
    const context = new OpenBatch(
      { ...id, inputs: {}, state: new StateRegistry(), run: { closed: false, open: [], whenClosed: () => {} } },
      events,
      () => 0,
    );
    const batches = of(new Batch([{ index: 0, records: [{ value: 'a' }] }], context)).pipe(
      sendToKafka(kafka, { topic: 't', groupId: 'g' }),
    );
    await expect(lastValueFrom(batches)).rejects.toThrow('has no offset ranges');
  });
});

describeKafka('sendToKafka', () => {
  standingCasesOfOutput('sendToKafka', [{ value: 'a' }, { value: 'b' }], async () => {
    const kafka = newKafka();
    const [input, output, groupId] = [await makeTopic(kafka, 2), await makeTopic(kafka, 1), randomUUID()];
    return {
      // Each batch with these records, and as many of the input: so the ranges that are committed are real.
      open: (records, batchObserver) =>
        defer(() => produce(kafka, input, [records.map((record, partition) => ({ ...record, partition }))])).pipe(
          ignoreElements(),
          endWith(undefined),
          mergeMap(() =>
            kafkaBatches(kafka, {
              topics: [input],
              groupId,
              commitOffsets: false,
              start: 'earliest',
              interval: 20,
              deserialize: (view) => ({ value: view.valueText() ?? '' }),
              batchObserver,
            }),
          ),
        ),
      output: sendToKafka<{ readonly value: string }>(kafka, { topic: output, groupId }),
      passesOnFirst: true,
    };
  });

  it('tells the outputs of one transaction apart by their id: what each sends, and which one fails', async () => {
    const kafka = newKafka();
    const [input, bills, reminders, groupId] = [
      await makeTopic(kafka, 1),
      await makeTopic(kafka, 1),
      await makeTopic(kafka, 1),
      randomUUID(),
    ];
    await produce(kafka, input, [[{ value: 'a' }, { value: 'b' }]]);
    const told: unknown[] = [];
    const monitor: StreamMonitor = {
      run: () => ({
        sent: ({ operator, id, topic, records }) => told.push(['sent', operator, id, topic, records]),
        failed: ({ stage, operator, id }) => told.push(['failed', stage, operator, id]),
      }),
    };
    const stream = kafkaBatches(kafka, {
      topics: [input],
      groupId,
      commitOffsets: false,
      start: 'earliest',
      interval: 20,
      deserialize: (view) => ({ value: view.valueText() ?? '' }),
      monitors: [monitor],
      batchObserver: { next: ({ inputs }) => inputs.kafka?.records && void stream.stop() },
    });
    const sentTo = (topic: string, id: string) =>
      sendToKafka<{ readonly value: string }>(kafka, { topic, groupId, id });
    const output = stream.pipe(sentTo(bills, 'bills'), sentTo(reminders, 'reminders'));
    await lastValueFrom(output, { defaultValue: undefined });
    expect(told).toEqual([
      ['sent', 'sendToKafka', 'bills', bills, 2],
      ['sent', 'sendToKafka', 'reminders', reminders, 2],
    ]);
    told.length = 0;
    await produce(kafka, input, [[{ value: 'c' }]]);
    const failing = stream.pipe(
      sentTo(bills, 'bills'),
      mapRecords(() => ({ value: 3 as unknown as string })),
      sentTo(reminders, 'reminders'),
    );
    await expect(lastValueFrom(failing)).rejects.toBeInstanceOf(InvalidRecordError);
    expect(told).toEqual([['failed', 'dispatch', 'sendToKafka', 'reminders']]);
  });

  it('writes records and offsets together, over failures', async () => {
    const kafka = newKafka();
    const [input, output, groupId] = [await inputTopic(3, 200), await makeTopic(kafka, 3), randomUUID()];
    let failures = 0;
    const stream = kafkaBatches(kafka, {
      topics: [input],
      groupId,
      commitOffsets: false,
      start: 'earliest',
      interval: 20,
      maxRatePerPartition: 2_000,
      deserialize: string(),
    }).pipe(
      mapRecords((value) => ({ value, partition: Number(value?.split(' ')[0]) })),
      sendToKafka(kafka, { topic: output, groupId }),
      foreachBatch(() => {
        if (failures++ % 3 === 1) throw new Error('crash');
      }),
      retry(),
    );
    await untilCommitted({ kafka, groupId, input }, stream, [200, 200, 200]);
    expect(failures).toBeGreaterThan(3);
    expect(valuesOf(await outputOf(output, 3))).toEqual(inputValues(3, 200));
  });

  it('refuses a source that commits under the same group', async () => {
    const kafka = newKafka();
    const [input, output, groupId] = [await makeTopic(kafka, 1), await makeTopic(kafka, 1), randomUUID()];
    await produce(kafka, input, [[{ value: 'a' }]]);
    const source = kafkaBatches(kafka, {
      ...{ topics: [input], groupId, start: 'earliest', interval: 50 },
      deserialize: (view) => ({ value: view.valueText() ?? '' }),
    });
    const written = source.pipe(sendToKafka(kafka, { topic: output, groupId }));
    await expect(lastValueFrom(written)).rejects.toThrow('set its commitOffsets to false');
    expect(await committedOffsets(kafka, groupId, input)).toEqual([-1]);
  });

  it('refuses a record for a partition that the topic does not have, and commits nothing of its batch', async () => {
    const kafka = newKafka();
    const [input, output, groupId] = [await inputTopic(1, 6), await makeTopic(kafka, 2), randomUUID()];
    const stream = kafkaBatches(kafka, {
      topics: [input],
      groupId,
      commitOffsets: false,
      start: 'earliest',
      interval: 20,
      deserialize: (view) => ({ value: view.valueText(), partition: view.offset % 3 }),
    }).pipe(sendToKafka(kafka, { topic: output, groupId }));
    const error = await lastValueFrom(stream.pipe(timeout(300_000))).catch((cause) => cause);
    expect(error).toBeInstanceOf(InvalidRecordError);
    expect(error.message).toContain(`is for partition 2, and topic "${output}" has the partitions 0 to 1`);
    expect(await committedOffsets(kafka, groupId, input)).not.toContain(6);
    expect(await outputOf(output, 2)).toEqual([[], []]);
  }, 600_000);

  it('writes to a partition that was added while it was running, at the latest after a retry', async () => {
    const kafka = newKafka();
    const [input, output, groupId] = [await inputTopic(1, 20), await makeTopic(kafka, 1), randomUUID()];
    const admin = kafka.admin();
    await admin.connect();
    let partitions = 1;
    const stream = kafkaBatches(kafka, {
      topics: [input],
      groupId,
      commitOffsets: false,
      start: 'earliest',
      interval: 50,
      maxRatePerPartition: 200,
      deserialize: string(),
    }).pipe(
      mapRecords((value) => ({ value, partition: partitions - 1 })),
      sendToKafka(kafka, { topic: output, groupId }),
      concatMapBatch(async (records) => {
        if (partitions === 1 && records.length > 0) {
          await admin.createPartitions({ topicPartitions: [{ topic: output, count: 2 }] });
          partitions = 2;
        }
        return records;
      }),
      retry(),
    );
    await untilCommitted({ kafka, groupId, input }, stream, [20]);
    await admin.disconnect();
    const written = valuesOf(await outputOf(output, 2));
    expect(written[1]).not.toEqual([]);
    expect(written.flat()).toEqual(inputValues(1, 20).flat());
  }, 600_000);

  it('writes the output of state once, with a checkpoint, when batches are replayed', async () => {
    const kafka = newKafka();
    const [input, output, groupId] = [await inputTopic(2, 60), await makeTopic(kafka, 1), randomUUID()];
    let batches = 0;
    const total = kafkaBatches(kafka, {
      topics: [input],
      groupId,
      commitOffsets: false,
      start: 'earliest',
      interval: 20,
      maxRatePerPartition: 500,
      deserialize: string(),
      checkpoint: memoryCheckpoint(),
    }).pipe(
      mapRecords((value) => value?.split(' ')[0] ?? ''),
      countByValue(),
      updateStateByKey(
        (counts: readonly number[], sum: number | undefined) => counts.reduce((a, b) => a + b, sum ?? 0),
        {
          id: 'totals',
          call: 'touched',
        },
      ),
      mapRecords(([key, sum]: Pair<string, number>) => ({ value: `${key} ${sum}` })),
      sendToKafka(kafka, { topic: output, groupId }),
      foreachBatch(() => {
        if (batches++ % 4 === 2) throw new Error('crash before the checkpoint is saved');
      }),
      retry(),
    );
    await untilCommitted({ kafka, groupId, input }, total, [60, 60]);
    expect(batches).toBeGreaterThan(4);
    const [written = []] = valuesOf(await outputOf(output, 1));
    for (const key of ['0', '1']) {
      const sums = written.filter((line) => line.startsWith(`${key} `)).map((line) => Number(line.slice(2)));
      // Totals of one key only grow: one that was written twice would be there twice.
      expect(sums).toEqual([...new Set(sums)].sort((a, b) => a - b));
      expect(sums.at(-1)).toBe(60);
    }
  });

  const start = (input: string, output: string, groupId: string, owner: string, beside = '') => {
    const args = [child, brokers.join(','), input, output, groupId, owner, beside];
    const one = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines: string[] = [];
    const listeners = new Set<() => void>();
    createInterface(one.stdout).on('line', (line) => {
      lines.push(line);
      for (const listener of listeners) listener();
    });
    /** After it has begun to write this number of batches with records. */
    const writing = (batches: number) =>
      new Promise<void>((resolve) => {
        const check = () => {
          if (lines.filter((line) => /^writing [1-9]/.test(line)).length >= batches) resolve();
        };
        listeners.add(check);
        check();
      });
    return { lines, writing, kill: (signal: NodeJS.Signals) => one.kill(signal), ended: ended(one) };
  };
  const ended = (one: ChildProcess) => new Promise<number | null>((resolve) => one.on('close', resolve));
  const until = async (condition: () => Promise<boolean>) => {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 500));
  };

  it('loses nothing and doubles nothing under SIGKILL', async () => {
    const kafka = newKafka();
    const count = 300;
    const [input, output, groupId] = [await inputTopic(2, count), await makeTopic(kafka, 2), randomUUID()];
    const done = async () => (await committedOffsets(kafka, groupId, input)).every((offset) => offset === count);
    let kills = 0;
    for (; !(await done()); kills++) {
      const one = start(input, output, groupId, `life ${kills}`);
      // Some die within their first transactions, others a little later.
      await Promise.race([one.writing(2 + ((kills * 3) % 7)), one.ended, until(done)]);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
      one.kill('SIGKILL');
      await one.ended;
      expect(kills).toBeLessThan(60);
    }
    console.log(`killed ${kills} times`);
    expect(kills).toBeGreaterThan(2);
    expect(valuesOf(await outputOf(output, 2))).toEqual(inputValues(2, count));
  });

  it('loses nothing of another output of the stream under SIGKILL', async () => {
    const kafka = newKafka();
    const count = 150;
    const [input, output, groupId] = [await inputTopic(1, count), await makeTopic(kafka, 1), randomUUID()];
    const file = join(tmpdir(), `beside-${groupId}`);
    const done = async () => (await committedOffsets(kafka, groupId, input)).every((offset) => offset === count);
    let kills = 0;
    for (; !(await done()); kills++) {
      const one = start(input, output, groupId, `life ${kills}`, file);
      // Most die while the other output is writing.
      await Promise.race([one.writing(2 + (kills % 3)), one.ended, until(done)]);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 100));
      one.kill('SIGKILL');
      await one.ended;
      expect(kills).toBeLessThan(100);
    }
    expect(kills).toBeGreaterThan(2);
    const values = inputValues(1, count).flat();
    expect(valuesOf(await outputOf(output, 1))).toEqual([values]);
    expect(new Set((await readFile(file, 'utf8')).trim().split('\n'))).toEqual(new Set(values));
    await rm(file);
  });

  it('a zombie writes nothing more', async () => {
    const kafka = newKafka();
    const count = 1_000;
    const [input, output, groupId] = [await inputTopic(2, count), await makeTopic(kafka, 2), randomUUID()];
    const zombie = start(input, output, groupId, 'zombie');
    await zombie.writing(4);
    zombie.kill('SIGSTOP');
    const successor = start(input, output, groupId, 'successor');
    await successor.writing(5);
    zombie.kill('SIGCONT');
    await zombie.ended;
    expect(zombie.lines.at(-1)).toMatch(/^failed FENCED/);
    await until(async () => (await committedOffsets(kafka, groupId, input)).every((offset) => offset === count));
    successor.kill('SIGKILL');
    await successor.ended;
    const found = await outputOf(output, 2);
    expect(valuesOf(found)).toEqual(inputValues(2, count));
    // In each partition first those of the one, then those of the other.
    for (const partition of found) {
      const owners = partition.map(({ owner }) => owner);
      expect(owners.lastIndexOf('zombie')).toBe(owners.indexOf('successor') - 1);
    }
  });
});
