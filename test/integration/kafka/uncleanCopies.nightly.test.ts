import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CopyLook } from 'dstream';
import { kafkaCheckpoint } from 'dstream/kafka';
import type { Kafka } from 'kafkajs';
import { firstValueFrom, from, lastValueFrom } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type KafkaCluster, startKafka, whyNoBroker } from '../../../scripts/kafka-broker.mjs';
import { KafkajsChangelog } from '../../../src/sources/kafka/kafkajs/kafkajsChangelog.js';
import { KafkajsClient } from '../../../src/sources/kafka/kafkajs/kafkajsClient.js';
import { copyWarnings } from '../../support/copyWarnings.js';
import { eventually } from '../../support/identity.js';
import { Replicas } from '../../support/replicas.js';
import { change, settle } from '../../support/savedBatches.js';

const waiting = { timeout: 120_000, interval: 50 };
const by = { task: '0', memberId: 'm', generation: 1 };
const keys = (count: number, name: string) =>
  Array.from({ length: count }, (_, i): [string, number] => [`${name}${i}`, i]);

// Needs a cluster of its own, whose brokers it may kill.
describe.skipIf(whyNoBroker())('copies of a changelog that an unclean election has cut', () => {
  let cluster: KafkaCluster;
  let replicas: Replicas;
  let topics = 0;
  const root = mkdtempSync(join(tmpdir(), 'dstream-unclean-'));
  const { warned } = copyWarnings();
  const read = vi.spyOn(KafkajsChangelog.prototype, 'read');
  beforeAll(async () => {
    cluster = await startKafka({ nodes: 3 });
    replicas = new Replicas(cluster);
  }, 600_000);
  afterAll(async () => {
    rmSync(root, { recursive: true, force: true });
    await cluster?.stop();
  }, 120_000);

  const open = (kafka: Kafka, topic: string, copy?: string) =>
    firstValueFrom(from(kafkaCheckpoint(kafka, { topic, copy }).open({ by })));
  type Session = Awaited<ReturnType<typeof open>>;
  const save = (session: Session, time: number, set: readonly [string, number][]) =>
    settle(session.save({ time, zeroTime: 0, interval: 10, positions: {}, changes: [session.encode(change(set))] }));
  const entriesOf = ({ restored }: Session) => [...(restored?.state('counts')?.entries() ?? [])];

  /**
   * Until both replicas have what ends the transaction, which the broker writes behind its answer: without it the new leader would have a transaction
   * that hangs.
   */
  async function untilStable(topic: string, records: number): Promise<void> {
    const client = new KafkajsClient(replicas.client(), {});
    try {
      await lastValueFrom(from(client.connect()), { defaultValue: undefined });
      await lastValueFrom(from(client.partitions([topic])));
      await eventually('the end of the transaction', async () => {
        const [end] = await lastValueFrom(from(client.offsets([{ topic, partition: 0 }], 'latest')));
        if (!end || end.offset < records || end.offset !== end.highWatermark) throw new Error(JSON.stringify(end));
      });
    } finally {
      await lastValueFrom(from(client.close()), { defaultValue: undefined });
    }
  }

  /** A partition with a batch that both replicas have, and one that only node 2 has. */
  async function prepare(copy?: string) {
    const topic = `unclean-state-${++topics}`;
    onTestFinished(() => replicas.restore(topic), 120_000);
    await replicas.makeTopic(topic, [{ name: 'cleanup.policy', value: 'compact' }]);
    const owner = await open(replicas.client(), topic, copy);
    await save(owner, 10, keys(50, 'old'));
    await untilStable(topic, 50);
    await replicas.part(topic);
    return { topic, owner };
  }

  /** What a process with the copy restores, and what one without it does. */
  async function restored(topic: string, directory: string) {
    read.mockClear();
    const session = await open(replicas.client(), topic, directory);
    const begun = read.mock.calls[0]?.[0].offset;
    const entries = entriesOf(session);
    const { time } = session.restored ?? {};
    await settle(session.close());
    const without = await open(replicas.client(), topic);
    const expected = [entriesOf(without), without.restored?.time];
    await settle(without.close());
    expect([entries, time]).toEqual(expected);
    return { begun, entries };
  }

  it('a standby is rebuilt, and has what Kafka has', { timeout: 600_000 }, async () => {
    const { topic, owner } = await prepare();
    const directory = join(root, topic);
    const abort = new AbortController();
    const looks: (CopyLook | undefined)[] = [];
    const { copies } = kafkaCheckpoint(replicas.client(), { topic, copy: directory });
    const following = new Promise<void>((resolve, reject) => {
      from(copies?.follow(abort.signal) ?? []).subscribe({
        next: (look) => looks.push(look),
        error: reject,
        complete: resolve,
      });
    });
    const current = () => {
      const before = looks.length;
      const isCurrent = (look: CopyLook | undefined) => look?.isWhole === true && look.behind === 0;
      return vi.waitUntil(() => looks.slice(before).some(isCurrent), waiting);
    };
    await save(owner, 20, keys(30, 'lost'));
    await current();
    await settle(owner.close());
    await replicas.elect();
    const next = await eventually('the next owner', () => open(replicas.client(), topic));
    expect(next.restored?.time).toBe(10);
    await save(next, 20, keys(200, 'new'));
    await current();
    abort.abort();
    await following;
    // It may have looked before there was anything new.
    expect(await warned()).toMatch(/is rebuilt: it ends at offset \d+, and the partition (was cut )?at \d+/);
    await settle(next.close());
    const { begun, entries } = await restored(topic, directory);
    expect(begun).toBeGreaterThan(200);
    expect(entries).toEqual([...keys(50, 'old'), ...keys(200, 'new')]);
    expect(await warned()).toBe('');
  });

  it('that of an owner is rebuilt when it comes back, and has what Kafka has', { timeout: 600_000 }, async () => {
    const directory = join(root, 'of-owner');
    const { topic, owner } = await prepare(directory);
    await save(owner, 20, keys(30, 'lost'));
    await settle(owner.close());
    await replicas.elect();
    const next = await eventually('the next owner', () => open(replicas.client(), topic));
    expect(next.restored?.time).toBe(10);
    await save(next, 20, keys(200, 'new'));
    await settle(next.close());
    const first = await restored(topic, directory);
    expect(first.begun).toBe(0);
    expect(first.entries).toEqual([...keys(50, 'old'), ...keys(200, 'new')]);
    expect(await warned()).toMatch(
      /is rebuilt: it ends at offset \d+, and the partition was cut at \d+ and written again/,
    );
    const second = await restored(topic, directory);
    expect(second.begun).toBeGreaterThan(200);
  });
});
