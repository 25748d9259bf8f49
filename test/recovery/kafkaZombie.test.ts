import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildChild } from '../crash/buildChild.js';
import { exitCodes } from '../crash/exitCodes.js';
import { judge } from '../crash/judge.js';
import { createTopic, newKafka, writeTopic } from '../crash/kafkaLog.js';
import { readTopic } from '../crash/readTopic.js';
import { jobOf, scratch, topicOf } from '../crash/scratch.js';
import { brokers, describeKafka } from '../support/kafka.js';

const KAFKA_BROKERS = brokers.join(',');

/** Starts a process over a directory, which stops itself in its nth transaction, when there is one. */
function start(child: string, base: string, directory: string, seed: number, nth: number | undefined) {
  const env = {
    ...process.env,
    KAFKA_BROKERS,
    CRASH_ENDS: JSON.stringify({ source: 'kafka', output: 'kafka' }),
    DSTREAM_FAILPOINT: nth === undefined ? '' : `send:asleep:${nth}`,
  };
  const life = spawn(process.execPath, [child, directory, base, 'file', String(seed), '1000000'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env,
  });
  let said = '';
  const asleep = new Promise<void>((resolve) => {
    life.stderr.on('data', (bytes) => {
      said += bytes;
      if (said.includes('asleep')) resolve();
    });
  });
  return { life, asleep, code: new Promise((resolve) => life.on('close', resolve)), said: () => said };
}

describeKafka('sendToKafka', () => {
  let child = '';
  const base = scratch();
  beforeAll(async () => {
    child = await buildChild();
    await writeTopic(newKafka(KAFKA_BROKERS), topicOf(base));
  });
  afterAll(() => {
    rmSync(base, { recursive: true, force: true });
    rmSync(child, { force: true });
  });

  // Of windows and state, whose batches are one transaction, and of records by partition.
  it.each([1, 6, 25])('a process that slept in its %ith transaction writes nothing more', async (nth) => {
    const directory = join(base, String(nth));
    mkdirSync(directory);
    await createTopic(newKafka(KAFKA_BROKERS), jobOf(directory));
    const first = start(child, base, directory, nth, nth);
    await Promise.race([first.asleep, first.code]);

    const second = start(child, base, directory, 100 + nth, undefined);
    expect(await second.code, second.said()).toBe(exitCodes.done);
    first.life.kill('SIGCONT');
    // Where its requests have timed out in its sleep it may fail by that before a broker tells it.
    const code = await first.code;
    if (code !== exitCodes.fenced)
      expect([code, first.said()]).toEqual([exitCodes.failed, expect.stringMatching(/retriable: true/)]);
    // Once each, up to the last batch of the second: a batch more would be one that should not be there.
    expect(judge(await readTopic(KAFKA_BROKERS, jobOf(directory)))).toEqual({ lost: [], doubled: [] });
  });
});
