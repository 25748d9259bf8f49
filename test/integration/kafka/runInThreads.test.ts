import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BroadcastChannel } from 'node:worker_threads';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { jobThreads } from '../../../src/workers/jobThread.js';
import { runJob } from '../../../src/workers/runInThreads.js';
import { buildChild } from '../../crash/buildChild.js';
import { brokers, committedOffsets, describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';
import { outputOf, valuesOf } from '../../support/kafkaTopics.js';
import { itNightly } from '../../support/nightly.js';
import { threadEntry } from '../../support/threadEntry.js';

const kafka = newKafka();
const partitions = 4;
const directory = mkdtempSync(join(tmpdir(), 'dstream-run-in-threads-'));
const entry = threadEntry('jobWorker');

describeKafka('runInThreads', () => {
  let file = '';
  beforeAll(async () => {
    file = await buildChild(new URL('../../support/threadsJobChild.ts', import.meta.url));
  });
  afterAll(() => {
    rmSync(file, { force: true });
    rmSync(directory, { recursive: true });
  });

  /** Two threads over four partitions, which do what `act` says in the middle of 400 records. */
  async function run(act: string, sessionTimeout: number) {
    const [input, output] = [await makeTopic(kafka, partitions), await makeTopic(kafka, 1)];
    const [groupId, name] = [randomUUID(), randomUUID()];
    const marker = join(directory, name);
    const records = (from: number) =>
      Array.from({ length: 200 }, (_, i) => ({ partition: i % partitions, value: `record ${from + i}` }));
    await produce(kafka, input, [records(0)]);

    const channel = new BroadcastChannel(name);
    const said: string[] = [];
    let heard = () => {};
    channel.onmessage = ({ data }: { data: string }) => {
      said.push(data);
      heard();
    };
    const until = async (holds: () => boolean) => {
      while (!holds()) await new Promise<void>((resolve) => (heard = resolve));
    };
    const env = { ...process.env, BROKERS: brokers.join(','), INPUT: input, OUTPUT: output, GROUP: groupId };
    const worker = { env: { ...env, CHANNEL: name, MARKER: marker, SESSION: String(sessionTimeout) } };
    const url = pathToFileURL(file);
    const job = runJob(jobThreads(url, worker, 5, entry), url, {
      ...{ threads: 2, heartbeats: newKafka(), signals: [], retry: { delay: 100 } },
    });
    try {
      // Each thread has had tasks.
      await until(() => ['0', '1'].every((index) => said.some((line) => line.startsWith(`${index} assigned`))));
      await produce(kafka, input, [[{ partition: 1, value: act }], records(200)]);
      const expected = [...records(0), ...records(200)].map(({ value }) => value);
      for (;;) {
        const [written = []] = valuesOf(await outputOf(output, 1));
        if (written.length <= expected.length) continue;
        expect([...written].sort()).toEqual([...expected, act].sort());
        break;
      }
      expect(existsSync(marker)).toBe(true);
      const restarts = job.threads.map(({ restarts }) => restarts).sort();
      expect(await job.stop()).toEqual([0, 1].map((index) => ({ index, terminated: false })));
      const offsets = await committedOffsets(kafka, groupId, input);
      expect(offsets.reduce((sum, offset) => sum + offset, 0)).toBe(401);
      return { said, restarts };
    } finally {
      channel.close();
      await job.stop({ drainTimeout: 0 });
      await job.ended;
    }
  }

  // Without leaving the group for the thread that is gone, its tasks would wait for five minutes.
  it('loses no record and doubles none when a thread exits, whose tasks others have at once', async () => {
    const { restarts } = await run('exit', 300_000);
    expect(restarts).toEqual([0, 1]);
  });

  itNightly('keeps the tasks of a thread that is blocked for longer than its session', {}, async () => {
    const { said, restarts } = await run('block 9000', 6_000);
    expect(restarts).toEqual([0, 0]);
    expect(said.filter((line) => line.includes('lost'))).toEqual([]);
  });
});
