import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { committedOffsets, describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';

const child = fileURLToPath(new URL('../../support/readerChild.ts', import.meta.url));
const partitions = 2;
const perPartition = 50_000;

interface Line {
  readonly count: number;
  readonly sum: number;
  readonly ranges: readonly (readonly [from: number, until: number])[];
}

/** Runs the reader until it ends by itself, or kills it after a number of batches. Returns the batches that it reported. */
async function runReader(args: readonly string[], killAfter: number): Promise<readonly Line[]> {
  const reader = spawn(process.execPath, ['--import', 'tsx', child, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: Line[] = [];
  createInterface(reader.stdout).on('line', (line) => {
    lines.push(JSON.parse(line) as Line);
    if (lines.length === killAfter) reader.kill('SIGKILL');
  });
  const code = await new Promise((resolve) => reader.on('close', resolve));
  expect(code).toBe(killAfter === Infinity ? 0 : null);
  return lines;
}

/** kafkajs takes long over one large send. */
function* chunks<T>(values: readonly T[], size: number): Iterable<readonly T[]> {
  for (let i = 0; i < values.length; i += size) yield values.slice(i, i + size);
}

describeKafka('a reader that is killed', () => {
  it('goes on, as a new process, at the committed offsets: nothing is lost, one batch at most comes again', async () => {
    const kafka = newKafka();
    const topic = await makeTopic(kafka, partitions);
    const messages = Array.from({ length: partitions * perPartition }, (_, i) => ({
      partition: i % partitions,
      value: `${i}`,
    }));
    await produce(kafka, topic, chunks(messages, 10_000));
    const groupId = `g-${randomUUID()}`;
    const args = [topic, groupId, String(perPartition)];

    const runs = [await runReader(args, 3), await runReader(args, 5), await runReader(args, Infinity)];

    let committed = [0, 0];
    for (const [i, lines] of runs.entries()) {
      const starts = lines[0]?.ranges.map(([from]) => from) ?? [];
      // The last batch before the kill was reported; whether it was committed is open. All before it were.
      const before = runs[i - 1]?.at(-1)?.ranges.map(([from]) => from) ?? [0, 0];
      const after = runs[i - 1]?.at(-1)?.ranges.map(([, until]) => until) ?? [0, 0];
      expect([before, after]).toContainEqual(starts);
      let position = starts;
      for (const { ranges } of lines) {
        expect(ranges.map(([from]) => from)).toEqual(position);
        position = ranges.map(([, until]) => until);
      }
      committed = position;
    }
    expect(committed).toEqual([perPartition, perPartition]);
    expect(await committedOffsets(kafka, groupId, topic)).toEqual(committed);
    // Every value once: the batches of the last run, and of the others those that it did not read again.
    const total = messages.length;
    const resumed = runs.flatMap((lines, i) => {
      const next = runs[i + 1]?.[0]?.ranges[0]?.[0] ?? Infinity;
      return lines.filter(({ ranges }) => (ranges[0]?.[0] ?? 0) < next);
    });
    expect(resumed.reduce((all, { count }) => all + count, 0)).toBe(total);
    expect(resumed.reduce((all, { sum }) => all + sum, 0)).toBe((total * (total - 1)) / 2);
  });
});
