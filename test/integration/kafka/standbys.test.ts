import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kafkaPartitioner } from 'dstream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildChild } from '../../crash/buildChild.js';
import { Child } from '../../support/childProcess.js';
import { brokers, describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';

const kafka = newKafka();
const partitions = 3;
const keys = 3_000;
/** One record of each key. */
const messages = Array.from({ length: keys }, (_, i) => {
  const key = `key${i}`;
  return { key, value: null, partition: kafkaPartitioner(key, partitions) };
});

/** What a process has said last of this kind of a task. */
const last = (child: Child, start: string) => child.said.findLast((line) => line.startsWith(start));
const numberOf = (line = '') => Number(line.split(' ').at(-1));
/** The tasks that a process has, or whose copies it keeps, by its events. */
function tasksOf(child: Child, begin: string, ...ends: readonly string[]): readonly string[] {
  const held = new Set<string>();
  for (const line of child.said) {
    const [, type = '', ids = ''] = line.split(' ');
    if (!line.startsWith('group ')) continue;
    for (const id of ids.split(',').filter(Boolean)) {
      if (type === begin) held.add(id);
      if (ends.includes(type)) held.delete(id);
    }
  }
  return [...held].sort();
}
const owned = (child: Child) => tasksOf(child, 'assigned', 'released', 'lost');
const followed = (child: Child) => tasksOf(child, 'standby', 'standby-ended');

async function until(holds: () => boolean, children: readonly Child[]): Promise<void> {
  while (!holds()) await Promise.race(children.map((child) => child.saysThat(() => true, child.said.length)));
}

describeKafka('standbys of kafkaTasks', () => {
  const root = mkdtempSync(join(tmpdir(), 'dstream-standbys-'));
  let file = '';
  beforeAll(async () => {
    file = await buildChild(new URL('../../support/standbyChild.ts', import.meta.url));
  });
  afterAll(() => {
    rmSync(file, { force: true });
    rmSync(root, { recursive: true, force: true });
  });

  /** A job of processes, each with a directory of its own. */
  async function newJob() {
    const [input, stateTopic, groupId] = [await makeTopic(kafka, partitions), `state-${randomUUID()}`, randomUUID()];
    const all: Child[] = [];
    const start = (name: string, env: Readonly<Record<string, string>> = {}) => {
      const child = new Child(file, [brokers.join(','), input, stateTopic, groupId, join(root, groupId, name)], env);
      all.push(child);
      return child;
    };
    /** Sends a record of each key, and waits until all tasks have counted this many in all. */
    const counted = async (sum: number) => {
      await produce(kafka, input, [messages]);
      await until(() => {
        const sums = Array.from({ length: partitions }, (_, id) =>
          Math.max(...all.map((child) => numberOf(last(child, `sum ${id} `)) || 0)),
        );
        return sums.reduce((a, b) => a + b, 0) >= sum;
      }, all);
    };
    /** Waits until a copy that a process keeps has been looked after since now. */
    const current = (child: Child, id: string) => child.says(`group standby-behind ${id} `);
    const end = () => Promise.all(all.map((child) => child.end()));
    return { all, start, counted, current, end };
  }

  it('a process that has followed a task takes it over, and reads only the tail', async () => {
    const { all, start, counted, current, end } = await newJob();
    try {
      for (const name of ['a', 'b', 'c']) start(name);
      // A copy is left after its task has been assigned.
      const isSettled = (child: Child) => {
        const [mine, copies] = [owned(child), followed(child)];
        return mine.length === 1 && copies.length === 1 && mine[0] !== copies[0];
      };
      await until(() => all.every(isSettled), all);
      const [first] = all as [Child, Child, Child];
      const [id = ''] = owned(first);
      const standby = all.find((child) => followed(child).includes(id)) as Child;
      expect(standby).not.toBe(first);
      await current(standby, id);
      await counted(keys);
      // It looks every second, and what it has is told when that is little.
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      const before = standby.said.length;
      await first.end();
      await until(() => owned(standby).includes(id), [standby]);
      await standby.says(`read ${id} `, before);
      await counted(2 * keys);
      const reads = standby.said.slice(before).filter((line) => line.startsWith(`read ${id} `));
      for (const line of reads) expect(numberOf(line)).toBeLessThan(100);
      expect(Number(reads[0]?.split(' ')[2])).toBeGreaterThan(keys / 2 / partitions);
      expect(all.flatMap(({ said }) => said.filter((line) => /^(warning|failed)/.test(line)))).toEqual([]);
    } finally {
      await end();
    }
  });

  it.each(['standby:before', 'standby:written'])('is what the log holds after a SIGKILL at %s', async (point) => {
    const { all, start, counted, end } = await newJob();
    try {
      const owner = start('a');
      await counted(keys);
      // One task moves to it, and it keeps copies of the others.
      await start('b', { DSTREAM_FAILPOINT: `${point}:2` }).ended;
      await until(() => owned(owner).length === partitions, [owner]);
      const again = start('b');
      await until(() => followed(again).length > 0, all);
      const ids = followed(again);
      await Promise.all(ids.map((id) => again.says(`group standby-behind ${id} `)));
      await counted(2 * keys);
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      const before = again.said.length;
      await owner.end();
      await until(() => owned(again).length === partitions, [again]);
      await counted(3 * keys);
      for (const id of ids) {
        const [read] = again.said.slice(before).filter((line) => line.startsWith(`read ${id} `));
        expect(numberOf(read)).toBeLessThan(100);
      }
      expect(all.flatMap(({ said }) => said.filter((line) => /^(warning|failed)/.test(line)))).toEqual([]);
    } finally {
      await end();
    }
  });
});
