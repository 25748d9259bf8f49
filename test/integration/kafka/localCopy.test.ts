import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Checkpoint } from 'dstream';
import { kafkaCheckpoint } from 'dstream/kafka';
import { type CheckpointStore, checkpointContract } from 'dstream/testing';
import { firstValueFrom, from } from 'rxjs';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { KafkajsChangelog } from '../../../src/sources/kafka/kafkajs/kafkajsChangelog.js';
import { buildChild } from '../../crash/buildChild.js';
import { describeKafka, newKafka } from '../../support/kafka.js';
import { change, settle } from '../../support/savedBatches.js';

const kafka = newKafka();
const root = mkdtempSync(join(tmpdir(), 'dstream-copy-'));
let file: string | undefined;
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
  if (file) rmSync(file, { force: true });
});

const newTopic = () => `test-state-${randomUUID()}`;
const reads: number[] = [];
const warnings: string[] = [];
beforeAll(() => {
  const read = KafkajsChangelog.prototype.read;
  vi.spyOn(KafkajsChangelog.prototype, 'read').mockImplementation(function (this: KafkajsChangelog, from, ...rest) {
    reads.push(from.offset);
    return read.call(this, from, ...rest);
  });
  process.on('warning', (warning: Error & { readonly code?: string }) => {
    if (warning.code === 'DSTREAM_CHANGELOG_COPY') warnings.push(warning.message);
  });
});
beforeEach(() => {
  reads.length = 0;
  warnings.length = 0;
});

const open = (checkpoint: Checkpoint) => firstValueFrom(from(checkpoint.open()));
const batch = (time: number, changes: readonly unknown[]) => {
  return { time, zeroTime: 0, interval: 10, positions: {}, changes };
};
const entriesOf = (session: Awaited<ReturnType<typeof open>>) => [
  ...(session.restored?.state('counts')?.entries() ?? []),
];

describeKafka('kafkaCheckpoint with a copy', () => {
  const cases = checkpointContract(() => ({ connect: () => undefined as never })).length;
  const shared = newTopic();
  let next = 0;
  const newStore = (): CheckpointStore => {
    const partition = next++;
    return { connect: () => kafkaCheckpoint(kafka, { topic: shared, partition, partitions: cases, copy: root }) };
  };
  for (const { name, run } of checkpointContract(newStore)) it(`keeps the contract: ${name}`, run);

  it('asks for the settings of its topic over one connection, whatever it wants to know of them', async () => {
    const [client, topic] = [newKafka(), newTopic()];
    const open = async () => {
      const session = await firstValueFrom(from(kafkaCheckpoint(client, { topic, copy: root }).open()));
      await settle(session.close());
    };
    const admin = vi.spyOn(client, 'admin');
    await open();
    // One makes the topic.
    expect(admin).toHaveBeenCalledTimes(2);
    await open();
    expect(admin).toHaveBeenCalledTimes(2);
  });

  it('reads only what came after it from Kafka', async () => {
    const topic = newTopic();
    const checkpoint = kafkaCheckpoint(kafka, { topic, copy: root });
    const first = await open(checkpoint);
    const all = Array.from({ length: 500 }, (_, i): [string, number] => [`key${i}`, i]);
    await settle(first.save(batch(10, [first.encode(change(all))])));
    await settle(first.save(batch(20, [first.encode(change([['key3', 'new']], ['key4']))])));
    await settle(first.close());
    reads.length = 0;
    const second = await open(checkpoint);
    const expected = all.filter(([key]) => key !== 'key4').map(([key, n]) => [key, key === 'key3' ? 'new' : n]);
    expect(entriesOf(second)).toEqual(expected);
    expect(reads[0]).toBeGreaterThan(500);
    await settle(second.close());
    expect(warnings).toEqual([]);
  });

  it('rebuilds it for a topic that was deleted and created again', async () => {
    const topic = newTopic();
    const checkpoint = kafkaCheckpoint(kafka, { topic, copy: root });
    const first = await open(checkpoint);
    await settle(first.save(batch(10, [first.encode(change([['old', 1]]))])));
    await settle(first.close());
    const admin = kafka.admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topic] });
    while ((await admin.listTopics()).includes(topic)) await new Promise((resolve) => setTimeout(resolve, 50));
    await admin.disconnect();
    const elsewhere = await open(kafkaCheckpoint(kafka, { topic }));
    for (let time = 10; time < 200; time += 10)
      await settle(elsewhere.save(batch(time, [elsewhere.encode(change([['new', time]]))])));
    await settle(elsewhere.close());
    const again = await open(checkpoint);
    expect(entriesOf(again)).toEqual([['new', 190]]);
    await settle(again.close());
    expect(warnings).toEqual([expect.stringContaining('it is of a topic of this name that was deleted')]);
  });

  it('does not bring back what was deleted while it was away for longer than tombstones are kept', async () => {
    const topic = newTopic();
    const admin = kafka.admin();
    await admin.connect();
    const settings = { 'cleanup.policy': 'compact', 'delete.retention.ms': '1000' };
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }], waitForLeaders: true });
    await admin.disconnect();
    const checkpoint = kafkaCheckpoint(kafka, { topic, copy: root });
    const first = await open(checkpoint);
    await settle(
      first.save(
        batch(10, [
          first.encode(
            change([
              ['a', 1],
              ['b', 2],
            ]),
          ),
        ]),
      ),
    );
    await settle(first.close());
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const again = await open(checkpoint);
    expect(entriesOf(again)).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    expect(reads.at(-1)).toBeGreaterThan(0);
    await settle(again.close());
    expect(warnings).toEqual([
      expect.stringMatching(/is rebuilt: it is \d+ s old, and deletions may be gone after 1 s/),
    ]);
  });

  /** Starts a process that counts, with the copy. */
  async function start(topic: string, env: NodeJS.ProcessEnv = {}, kib?: number) {
    file ??= await buildChild(new URL('../../support/copyChild.ts', import.meta.url));
    // The shell counts blocks of 512 bytes.
    const limit = kib === undefined ? '' : `ulimit -f ${kib * 2};`;
    const args = [
      '-c',
      `${limit} exec "$0" "$@"`,
      process.execPath,
      file,
      topic,
      root,
      ...(kib === undefined ? [] : ['3000']),
    ];
    const child = spawn('sh', args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
    const run = { out: '', begun: once(child.stdout, 'data'), ended: once(child, 'close') };
    child.stdout.on('data', (text) => {
      run.out += text;
    });
    return run;
  }

  /** What is read without the copy, and with it: each as a process of its own would. */
  async function seenIn(topic: string) {
    const seen: unknown[] = [];
    for (const copy of [undefined, root]) {
      reads.length = 0;
      const session = await open(kafkaCheckpoint(kafka, { topic, copy }));
      seen.push([session.restored?.time, entriesOf(session)]);
      await settle(session.close());
    }
    expect(seen[1]).toEqual(seen[0]);
    return { seen: seen[0], readFrom: reads[0] };
  }

  it.each(['copy:behind', 'copy:written'])('is what the log holds after SIGKILLs at %s', async (point) => {
    const topic = newTopic();
    for (const nth of [1, 2, 7, 30]) {
      const run = await start(topic, { DSTREAM_FAILPOINT: `${point}:${nth}` });
      expect((await run.ended)[1]).toBe('SIGKILL');
      expect(run.out).not.toContain('warning');
      const { readFrom } = await seenIn(topic);
      if (nth > 1) expect(readFrom).toBeGreaterThan(0);
    }
    expect(readdirSync(join(root, `${topic}-0`))).toHaveLength(1);
    // A copy that is ahead would be rebuilt, and say so.
    expect(warnings).toEqual([]);
  });

  it('is given up on a full disk, which the job does not mind', async () => {
    const topic = newTopic();
    const run = await start(topic, {}, 1_500);
    expect(await run.ended).toEqual([0, null]);
    expect(run.out.match(/^warning .*/gm)).toEqual([
      expect.stringMatching(/is not kept any more: (EFBIG|.*file too large)/i),
    ]);
    expect(run.out.match(/^batch$/gm)).toHaveLength(100);
    const { seen, readFrom } = await seenIn(topic);
    expect(seen).toEqual([expect.any(Number), expect.objectContaining({ length: 2_000 })]);
    expect(readFrom).toBeGreaterThan(0);
  });

  it('goes over to the process that takes the checkpoint over', async () => {
    const topic = newTopic();
    const run = await start(topic);
    await run.begun;
    const session = await open({ ...kafkaCheckpoint(kafka, { topic, copy: root, takeover: 'force' }) });
    await settle(session.save(batch(1e15, [session.encode(change([['mine', 1]]))])));
    expect((await run.ended)[0]).toBe(1);
    expect(run.out).toMatch(/FencedError/);
    await settle(session.close());
    const { seen, readFrom } = await seenIn(topic);
    expect(seen).toEqual([1e15, expect.arrayContaining([['mine', 1]])]);
    expect(readFrom).toBeGreaterThan(0);
  });
});
