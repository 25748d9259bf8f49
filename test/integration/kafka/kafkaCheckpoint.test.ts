import { randomUUID } from 'node:crypto';
import {
  fixedRate,
  foreachBatch,
  InvalidOptionError,
  logBatches,
  mapRecords,
  memoryLog,
  string,
  updateStateByKey,
} from 'dstream';
import { type KafkaCheckpoint, kafkaBatches, kafkaCheckpoint, sendInTransaction } from 'dstream/kafka';
import { CheckpointError, type Damage, exportCheckpoint, FencedError } from 'dstream/node';
import { type CheckpointStore, checkpointContract } from 'dstream/testing';
import { defer, firstValueFrom, from, lastValueFrom, mergeMap, retry, takeWhile, tap } from 'rxjs';
import { expect, it } from 'vitest';
import { KafkajsChangelog } from '../../../src/sources/kafka/kafkajs/kafkajsChangelog.js';
import { standingCasesOfOutput } from '../../operators/standingOutputs.js';
import { describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';
import { outputOf, valuesOf } from '../../support/kafkaTopics.js';
import { saveAtOnce, savedAtOnce, seenIn } from '../../support/overlappingSaves.js';
import { change, settle } from '../../support/savedBatches.js';

const kafka = newKafka();
const compacted = { configEntries: [{ name: 'cleanup.policy', value: 'compact' }] };
const newTopic = () => `test-state-${randomUUID()}`;
const open = (topic: string, more = {}) => firstValueFrom(from(kafkaCheckpoint(kafka, { topic, ...more }).open()));
const batch = (time: number, changes: readonly unknown[] = []) => {
  return { time, zeroTime: 0, interval: 10, positions: {}, changes };
};

describeKafka('sendInTransaction', () => {
  standingCasesOfOutput('sendInTransaction', [{ value: 'a' }, { value: 'b' }], async () => {
    const output = await makeTopic(kafka, 1);
    // Each subscription is a job of its own: none goes on where the one before was cut off.
    let current = kafkaCheckpoint(kafka, { topic: newTopic() });
    const checkpoint: KafkaCheckpoint = {
      ...current,
      open: (how) => {
        current = kafkaCheckpoint(kafka, { topic: newTopic() });
        return current.open(how);
      },
      inTransaction: (...write) => current.inTransaction(...write),
    };
    return {
      open: (records, batchObserver) =>
        defer(async () => {
          const input = await makeTopic(kafka, 2);
          await produce(kafka, input, [records.map((record, partition) => ({ ...record, partition }))]);
          return input;
        }).pipe(
          mergeMap((input) =>
            kafkaBatches(kafka, {
              topics: [input],
              start: 'earliest',
              interval: 20,
              deserialize: (view) => ({ value: view.valueText() ?? '' }),
              checkpoint,
              batchObserver,
            }),
          ),
        ),
      output: sendInTransaction<{ readonly value: string }>(checkpoint, { topic: output }),
      passesOnFirst: true,
    };
  });
});

describeKafka('kafkaCheckpoint', () => {
  // Partitions of one topic, so that the topics of the cases are not created one by one.
  const cases = checkpointContract(() => ({ connect: () => undefined as never })).length;
  const topic = newTopic();
  let next = 0;
  const newStore = (): CheckpointStore => {
    const partition = next++;
    return { connect: () => kafkaCheckpoint(kafka, { topic, partition, partitions: cases }) };
  };
  for (const { name, run } of checkpointContract(newStore)) it(`keeps the contract: ${name}`, run);

  it('has saves that overlap in effect in their order', async () => {
    const topic = newTopic();
    const session = await open(topic);
    await saveAtOnce(session, 8);
    await settle(session.close());
    const again = await open(topic);
    expect(seenIn(again)).toEqual(savedAtOnce(8));
    await settle(again.close());
  });

  it('creates a compacted topic, and refuses one that is not, and a partition that it lacks', async () => {
    const topic = newTopic();
    const unknown = open(topic, { partition: 1 });
    await expect(unknown).rejects.toThrow(InvalidOptionError);
    await expect(unknown).rejects.toThrow('partitions (undefined) must be set');
    await settle((await open(topic, { partition: 1, partitions: 2 })).close());
    const admin = kafka.admin();
    await admin.connect();
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: topic, configNames: ['cleanup.policy'] }],
    });
    await admin.disconnect();
    expect(resources[0]?.configEntries[0]?.configValue).toBe('compact');
    const refused = open(topic, { partition: 2 });
    await expect(refused).rejects.toThrow(InvalidOptionError);
    await expect(refused).rejects.toThrow(`must be a partition of topic "${topic}", which has 2`);
    const expiring = open(await makeTopic(kafka, 1));
    await expect(expiring).rejects.toThrow(CheckpointError);
    await expect(expiring).rejects.toThrow('is not only compacted (cleanup.policy is "delete")');
    const both = { configEntries: [{ name: 'cleanup.policy', value: 'compact,delete' }] };
    await expect(open(await makeTopic(kafka, 1, both))).rejects.toThrow('is not only compacted');
  });

  it('fails for a topic that ends before what was read of it', async () => {
    const topic = newTopic();
    const first = await open(topic, { leaseTime: 60_000 });
    await settle(first.save(batch(10, [first.encode(change([['a', 1]]))])));
    const changelog = new KafkajsChangelog(kafka, 'here', {
      topic,
      partition: 0,
      partitions: 1,
      transactionTimeout: 60_000,
    });
    const { offset: end } = await changelog.read({ offset: 0 }, () => {});
    expect(end).toBeGreaterThan(1);
    await expect(changelog.read({ offset: end + 1 }, () => {})).rejects.toThrow(
      `was cut or created again: it ends at ${end}`,
    );
    await changelog.close();
    await settle(first.close());
  });

  it('is exported without the entry of a record that cannot be read', async () => {
    const topic = newTopic();
    const session = await open(topic);
    const entries = ['a', 'b'].map((key) => [key, 1] as const);
    await settle(session.save(batch(10, [session.encode(change(entries))])));
    await settle(session.close());
    // As an entry has it: its kind, the length of the id of its state, that id, and the key.
    const key = Buffer.concat([Buffer.from('e'), Buffer.of(0, 6), Buffer.from('countssb')]);
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic, messages: [{ partition: 0, key, value: Buffer.alloc(9) }] });
    await producer.disconnect();

    const found: Damage[] = [];
    const damageObserver = { next: (damage: Damage) => void found.push(damage) };
    const checkpoint = kafkaCheckpoint(kafka, { topic });
    const lines: string[] = [];
    const options = { skipDamaged: true, damageObserver };
    for await (const line of exportCheckpoint(checkpoint, ['counts'], options)) lines.push(line);
    expect(lines.slice(2)).toEqual(['{"key":"a","state":1}']);
    expect(found).toMatchObject([{ place: `Kafka topic ${topic}/0`, state: 'counts', key: 'b' }]);
    await expect(async () => {
      for await (const _ of exportCheckpoint(checkpoint));
    }).rejects.toThrow(`; \`npx dstream checkpoint kafka://BROKERS/${topic}/0 export --skip-damaged\` reads the rest`);
  });

  it('refuses bad options', () => {
    for (const options of [
      { topic: '' },
      { topic: 'no spaces' },
      { topic: 't', partition: -1 },
      { topic: 't', partition: 3, partitions: 3 },
      { topic: 't', transactionTimeout: 0 },
    ]) {
      expect(() => kafkaCheckpoint(kafka, options)).toThrow(InvalidOptionError);
    }
    // @ts-expect-error it needs a topic
    expect(() => kafkaCheckpoint(kafka, {})).toThrow(InvalidOptionError);
  });

  it('fences an owner that is taken over, which leaves nothing behind', async () => {
    const topic = newTopic();
    const first = await open(topic);
    await settle(first.save(batch(10, [first.encode(change([['a', 1]]))])));
    const second = await open(topic, { takeover: 'force' });
    await expect(settle(first.save(batch(20, [first.encode(change([['a', 2]]))])))).rejects.toThrow(FencedError);
    await settle(second.save(batch(30, [second.encode(change([['b', 3]]))])));
    await Promise.all([settle(first.close()), settle(second.close())]);
    const third = await open(topic);
    expect(third.restored?.time).toBe(30);
    expect([...(third.restored?.state('counts')?.entries() ?? [])]).toEqual([
      ['a', 1],
      ['b', 3],
    ]);
    await settle(third.close());
  });

  it('refuses to save a key with a state that is larger than a record may be', async () => {
    const topic = await makeTopic(kafka, 1, {
      configEntries: [...compacted.configEntries, { name: 'max.message.bytes', value: '10000' }],
    });
    const session = await open(topic);
    const large = session.encode(change([['a', 'x'.repeat(20_000)]]));
    await expect(settle(session.save(batch(10, [large])))).rejects.toMatchObject({ code: 'RECORD_TOO_LARGE', topic });
    await settle(session.close());
  });

  it('saves states that are together larger than a request may be', async () => {
    const topic = newTopic();
    const session = await open(topic);
    const all = Array.from({ length: 3_000 }, (_, i): [number, string] => [i, String(i).repeat(300)]);
    await settle(session.save(batch(10, [session.encode(change(all))])));
    await settle(session.close());
    const again = await open(topic);
    expect([...(again.restored?.state('counts')?.entries() ?? [])]).toEqual(all);
    await settle(again.close());
  });

  it('refuses an output in the transaction of another checkpoint', async () => {
    const checkpoint = kafkaCheckpoint(kafka, { topic: newTopic() });
    const log = memoryLog({ topics: { t: 1 } });
    log.append('t', [{ value: 'a' }]);
    const stream = logBatches(log, { topics: ['t'], start: 'earliest', interval: 10, deserialize: string() });
    const failed = new Promise((_, reject) => {
      stream
        .pipe(
          mapRecords((value) => ({ value })),
          sendInTransaction(checkpoint, { topic: 'out' }),
        )
        .subscribe({ error: reject });
    });
    await expect(failed).rejects.toThrow('must be the checkpoint of the stream');
    // Nor while another stream has it open.
    const session = await firstValueFrom(from(checkpoint.open()));
    const again = new Promise((_, reject) => {
      logBatches(log, { topics: ['t'], start: 'earliest', interval: 10, deserialize: string() })
        .pipe(
          mapRecords((value) => ({ value })),
          sendInTransaction(checkpoint, { topic: 'out' }),
        )
        .subscribe({ error: reject });
    });
    await expect(again).rejects.toThrow('must be the checkpoint of the stream');
    await settle(session.close());
  });

  it('writes results with the state, each once, though the stream fails again and again', async () => {
    const [input, output] = await Promise.all([makeTopic(kafka, 2), makeTopic(kafka, 1)]);
    const total = 200;
    await produce(kafka, input, [
      Array.from({ length: total }, (_, i) => ({ partition: i % 2, value: `key${i % 5} ${i}` })),
    ]);
    const checkpoint = kafkaCheckpoint(kafka, { topic: newTopic(), leaseTime: 1_000 });
    let failures = 6;
    const counted = kafkaBatches(kafka, {
      topics: [input],
      start: 'earliest',
      interval: 50,
      backpressure: fixedRate(200),
      deserialize: (view) => view.valueText() ?? '',
      checkpoint,
    }).pipe(
      mapRecords((value): [string, number] => [value.split(' ')[0] ?? '', 1]),
      updateStateByKey((added, sum: number | undefined) => (sum ?? 0) + added.length, {
        id: 'counts',
        call: 'touched',
      }),
      mapRecords(([key, sum]) => ({ key, value: `${key} ${sum}` })),
      sendInTransaction(checkpoint, { topic: output }),
      foreachBatch((records) => {
        if (records.length > 0 && failures-- > 0) throw new Error('no');
      }),
      retry(),
    );
    const seen = new Map<string, number>();
    await lastValueFrom(
      counted.pipe(
        tap(({ records }) => {
          for (const { key, value } of records) seen.set(key, Number(value.split(' ')[1]));
        }),
        takeWhile(() => [...seen.values()].reduce((sum, n) => sum + n, 0) < total),
      ),
      { defaultValue: undefined },
    );
    // The batch that was seen last may have been cut off: what was written before is there once, and in order.
    const [written = []] = valuesOf(await outputOf(output, 1));
    const sums = new Map<string, number>();
    for (const line of written) {
      const [key = '', sum] = line.split(' ');
      expect(Number(sum)).toBeGreaterThan(sums.get(key) ?? 0);
      sums.set(key, Number(sum));
    }
    expect(written.length).toBeGreaterThan(10);
    const restored = (await open(checkpoint.location.slice('Kafka topic '.length).split('/')[0] ?? '')).restored;
    expect(new Map(restored?.state('counts')?.entries() as Iterable<[string, number]>)).toEqual(sums);
  });
});
