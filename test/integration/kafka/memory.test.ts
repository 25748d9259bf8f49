import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundle } from '../../support/bundle.js';
import { brokers, describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';
import { nightly } from '../../support/nightly.js';

const child = fileURLToPath(new URL(`../../../.cache/memory-${process.pid}.mjs`, import.meta.url));
const partitions = 4;
/** Records kept by mistake would take more than the limit in both cases. */
const total = nightly ? 2_000_000 : 1_000_000;

/** Records of about 100 bytes, with 10,000 keys. */
function* messages() {
  const size = 20_000;
  for (let start = 0; start < total; start += size) {
    yield Array.from({ length: size }, (_, i) => {
      const n = start + i;
      const value = JSON.stringify({ n, pad: String(n * 7_919).padStart(60, 'x') });
      return { partition: n % partitions, key: `key-${n % 10_000}`, value };
    });
  }
}

// Node lets garbage lie according to the memory that it may take, by default several gigabytes: up to four times what is
// alive. What is alive shows where it may take less, as in a container of a gigabyte.
const limit = '--max-old-space-size=512';

describeKafka('a backlog, with the default byte bounds at an interval of 100 ms', () => {
  let topic: string;
  beforeAll(async () => {
    const kafka = newKafka();
    topic = await makeTopic(kafka, partitions);
    await produce(kafka, topic, messages());
    // In one file, as an application: what compiles TypeScript has no part in the memory.
    bundle(new URL('../../support/memoryChild.ts', import.meta.url), child);
  });
  afterAll(() => rmSync(child, { force: true }));

  it.each([
    ['strings', 'one by one'],
    ['json', 'one by one'],
    ['strings', 'as a list'],
    ['json', 'as a list'],
  ])('takes less than 250 MB as %s that are taken %s, all in all', (kind, taken) => {
    const env = { ...process.env, KAFKA_BROKERS: brokers.join(',') };
    const args = [limit, child, topic, kind, taken, String(total)];
    const out = execFileSync(process.execPath, args, { env, encoding: 'utf8' });
    const { count, peakMb } = JSON.parse(out) as { count: number; peakMb: number };
    console.log(`${kind}, ${taken}: peak ${peakMb} MB`);
    expect(count).toBe(total);
    expect(peakMb).toBeLessThan(250);
  });
});
