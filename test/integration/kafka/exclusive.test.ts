import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { foreachBatch, type GroupEvent, string } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import type { Subscription } from 'rxjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildChild } from '../../crash/buildChild.js';
import { Child } from '../../support/childProcess.js';
import { brokers, committedOffsets, describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';
import { outputOf, valuesOf } from '../../support/kafkaTopics.js';
import { newName, newPool, postgresUrl } from '../../support/postgres.js';

const kafka = newKafka();

const values = (from: number, count: number) => Array.from({ length: count }, (_, i) => ({ value: String(from + i) }));

describeKafka("membership: 'exclusive'", () => {
  let file = '';
  beforeAll(async () => {
    file = await buildChild(new URL('../../support/exclusiveChild.ts', import.meta.url));
  });
  afterAll(() => rmSync(file, { force: true }));

  /** Two processes with one group: the first works, the second is on standby. */
  async function pair(output: string, url = '') {
    const input = await makeTopic(kafka, 2);
    const groupId = randomUUID();
    await produce(kafka, input, [values(0, 300)]);
    const start = (owner: string) => new Child(file, [brokers.join(','), input, output, groupId, owner, url]);
    const first = start('first');
    await first.says('writing');
    const second = start('second');
    await second.says('group joined');
    const more = () => produce(kafka, input, [values(300, 300)]);
    return { first, second, more, end: () => Promise.all([first.end(), second.end()]) };
  }

  /** What happens to the first process; resolves when it is over. */
  const accidents: Readonly<Record<string, (first: Child, second: Child) => Promise<unknown>>> = {
    async 'is killed'(first) {
      await first.end();
    },
    async 'is stopped for longer than its session'(first, second) {
      first.process.kill('SIGSTOP');
      await second.says('group assigned');
      first.process.kill('SIGCONT');
      await first.says('group lost');
    },
    async ends(first) {
      first.process.kill('SIGTERM');
      await first.ended;
    },
  };
  const expected = values(0, 600).map(({ value }) => value);
  const numerically = (a: string, b: string) => Number(a) - Number(b);

  for (const [what, accident] of Object.entries(accidents)) {
    it.concurrent(`sendToKafka writes each record once when the process that works ${what}`, async () => {
      const output = await makeTopic(kafka, 1);
      const { first, second, more, end } = await pair(output);
      try {
        expect(second.said.join()).not.toContain('writing');
        await Promise.all([accident(first, second), more()]);
        await second.says('writing');
        for (;;) {
          const [written = []] = valuesOf(await outputOf(output, 1));
          if (written.length < expected.length) continue;
          expect([...written].sort(numerically)).toEqual(expected);
          break;
        }
        expect([...first.said, ...second.said].filter((line) => line.startsWith('failed'))).toEqual([]);
      } finally {
        await end();
      }
    });
  }

  const withPostgres = postgresUrl === '' ? it.skip : it.concurrent;
  withPostgres('foreachBatchInTransaction writes each record once when the process that works is stopped', async () => {
    const [pool, table] = [newPool(), newName()];
    await pool.query(`create table ${table} (value text)`);
    const { first, second, more, end } = await pair(table, postgresUrl);
    try {
      await Promise.all([accidents['is stopped for longer than its session']?.(first, second), more()]);
      for (;;) {
        const { rows } = await pool.query(`select value from ${table}`);
        if (rows.length < expected.length) continue;
        expect(rows.map(({ value }) => value as string).sort(numerically)).toEqual(expected);
        break;
      }
    } finally {
      await end();
      await pool.query(`drop table ${table}`);
      await pool.end();
    }
  });

  it.concurrent('warns when two runs commit under one group and neither is a member, naming both', async () => {
    const input = await makeTopic(kafka, 1);
    const groupId = randomUUID();
    const warned = new Promise<Error & { code?: string }>((resolve) => {
      const listen = (warning: Error & { code?: string }): void => {
        if (warning.code !== 'DSTREAM_SHARED_GROUP' || !warning.message.includes(groupId)) return;
        process.off('warning', listen);
        resolve(warning);
      };
      process.on('warning', listen);
    });
    const run = () =>
      kafkaBatches(kafka, { topics: [input], groupId, start: 'earliest', interval: 100, deserialize: string() })
        .pipe(foreachBatch(() => {}))
        .subscribe();
    const runs = [run(), run()];
    let sent = 0;
    let over = false;
    const sending = (async () => {
      while (!over) await produce(kafka, input, [values(sent++, 1)]);
    })();
    const { message } = await warned;
    over = true;
    await sending;
    for (const one of runs) one.unsubscribe();
    expect(message.match(new RegExp(`/${process.pid}/`, 'g'))?.length).toBe(2);
    expect(await committedOffsets(kafka, groupId, input)).toHaveLength(1);
  });

  it.concurrent.each([
    ['topics', (topic: string) => topic],
    ['patterns', (topic: string) => new RegExp(`^${topic}$`)],
  ])('warns when another job of the group works, naming the group and the %s of both', async (_, selected) => {
    const [one, another] = await Promise.all([makeTopic(kafka, 1), makeTopic(kafka, 1)]);
    const groupId = randomUUID();
    const warnings: string[] = [];
    const listen = ({ message }: Error): void => {
      if (message.includes(groupId)) warnings.push(message);
    };
    process.on('warning', listen);
    const run = (topic: string) => {
      const joined = new Promise<void>((resolve) => {
        const groupObserver = { next: ({ type }: GroupEvent) => type === 'joined' && resolve() };
        const options = {
          membership: 'exclusive',
          groupId,
          sessionTimeout: 6_000,
          interval: 100,
          groupObserver,
        } as const;
        runs.push(
          kafkaBatches(kafka, { ...options, topics: [selected(topic)], deserialize: string() })
            .pipe(foreachBatch(() => {}))
            .subscribe(),
        );
      });
      return joined;
    };
    const runs: Subscription[] = [];
    await run(one);
    await run(another);
    const told = (mine: string, theirs: string | RegExp) =>
      warnings.filter((message) => message.includes(`it reads ${theirs}, and this one ${selected(mine)}.`)).length;
    // The one that waits hears which topics the other one has.
    await expect.poll(() => [told(one, selected(another)), told(another, one)], { timeout: 60_000 }).toEqual([1, 1]);
    process.off('warning', listen);
    for (const one of runs) one.unsubscribe();
  });
});
