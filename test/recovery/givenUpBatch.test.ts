import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consoleConsumer } from '../chaos/consoleConsumer.js';
import { buildChild } from '../crash/buildChild.js';
import { brokers, makeTopic, newKafka, produce } from '../support/kafka.js';
import { poisonedValues } from '../support/poisonedValues.js';

/** At most: the first two as a whole, then a life for each half, and each again with one record. */
const maxLives = 20;

describe("a record that ends the process, under onBatchError: 'bisect'", () => {
  let file: string;
  let directory: string;
  beforeAll(async () => {
    file = await buildChild(new URL('../support/poisonChild.ts', import.meta.url));
    directory = mkdtempSync(join(tmpdir(), 'dstream-poison-'));
  });
  afterAll(() => {
    rmSync(file, { force: true });
    rmSync(directory, { recursive: true, force: true });
  });

  /** Starts it again whenever it was killed. Returns how often that was. */
  function livesOf(...args: string[]): number {
    for (let kills = 0; kills < maxLives; kills++) {
      const { status, signal } = spawnSync(process.execPath, [file, ...args], {
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      if (signal === 'SIGKILL') continue;
      expect(status).toBe(0);
      return kills;
    }
    throw new Error(`it was killed ${maxLives} times`);
  }
  const linesOf = (folder: string, name: string): readonly string[] => {
    const path = join(folder, name);
    return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
  };
  const at = poisonedValues.indexOf('poison');
  const others = poisonedValues.filter((value) => value !== 'poison');

  it('is lost and a dead letter, and all others are written once', () => {
    expect(livesOf(directory)).toBeGreaterThan(3);
    expect(linesOf(directory, 'written')).toEqual(others);
    expect(linesOf(directory, 'lost')).toEqual([`${at} ${at + 1}`]);
    expect(linesOf(directory, 'letters')).toEqual([`onBatchError poison ${at} PROCESS_ENDED`]);
  });

  it.runIf(brokers.length > 0)('is lost and in the topic of dead letters, on a real Kafka', async () => {
    const kafka = newKafka();
    const [topic, letters] = [await makeTopic(kafka, 1), await makeTopic(kafka, 1)];
    await produce(kafka, topic, [poisonedValues.map((value) => ({ value, partition: 0 }))]);
    const folder = mkdtempSync(join(directory, 'kafka-'));
    expect(livesOf(folder, brokers[0] as string, topic, letters)).toBeGreaterThan(3);
    expect(linesOf(folder, 'written')).toEqual(others);
    expect(linesOf(folder, 'lost')).toEqual([`${at} ${at + 1}`]);
    await produce(kafka, letters, [[{ value: 'end', partition: 0 }]]);
    const read = await consoleConsumer(brokers.join(), letters, { end: 'end', partitions: 1 });
    expect(read.map(({ value }) => value)).toEqual(['poison']);
  });
});
