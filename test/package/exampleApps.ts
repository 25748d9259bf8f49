import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { foreachBatch, string } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { Pool } from 'pg';
import { lastValueFrom } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brokers, newKafka } from '../support/kafka.js';
import { nightly } from '../support/nightly.js';
import { newName, postgresUrl } from '../support/postgres.js';
import { type Ended, InstalledExamples } from './installedExamples.js';

/** The apps of `examples/` with the packed package: their own tests, and what they do when they are killed. */
export function testExampleApps(tarball: () => string, skip: boolean): void {
  describe.skipIf(skip)('the apps of examples/', { concurrent: true }, () => {
    let apps: InstalledExamples;

    beforeAll(() => {
      apps = new InstalledExamples(tarball());
    }, 600_000);

    afterAll(() => apps?.remove());

    const data = (name: string) => ['--data', join(apps.folder, 'data', name)];
    /** Of the clickstream: its tables. */
    const tables = ({ code, lines }: Ended) => ({ code, tables: lines.slice(lines.indexOf('top pages')) });

    it('pass their own tests', async () => {
      expect(apps.names).toEqual(['alerts', 'clickstream', 'flights', 'logs', 'sensors']);
      for (const name of apps.names) expect(await apps.test(name)).toMatch(/# fail 0$/m);
    });

    it('clickstream: killed and started again, it has the tables of a run that nobody disturbed', async () => {
      const [whole, killed] = await Promise.all([
        apps.run('clickstream', 'main.ts', data('whole')),
        apps.runKilled('clickstream', data('killed'), /clicks counted/, 4),
      ]);
      expect(whole.code).toBe(0);
      expect(whole.lines.join('\n')).toMatch(/top pages\n {2}\/ +1\d{3}\n/);
      expect(tables(killed)).toEqual(tables(whole));
    });

    const nightlyIf = (holds: boolean) => (nightly ? it.skipIf(!holds) : undefined);

    nightlyIf(postgresUrl !== '')?.('clickstream: so it is in PostgreSQL', async () => {
      const databases = [newName(), newName()] as const;
      const pool = new Pool({ connectionString: postgresUrl, max: 1 });
      for (const name of databases) await pool.query(`create database ${name}`);
      const at = (name: string) => {
        const url = new URL(postgresUrl);
        url.pathname = `/${name}`;
        return ['--postgres', url.href];
      };
      const [whole, killed] = await Promise.all([
        apps.run('clickstream', 'main.ts', at(databases[0])),
        apps.runKilled('clickstream', at(databases[1]), /clicks counted/, 4),
      ]);
      for (const name of databases) await pool.query(`drop database ${name} with (force)`);
      await pool.end();
      expect(whole.code).toBe(0);
      expect(tables(killed)).toEqual(tables(whole));
    });

    const onKafka = nightlyIf(brokers.length > 0);

    onKafka?.('clickstream: so it is from Kafka, and as without Kafka', async () => {
      const args = ['--brokers', brokers.join(), '--topic', `${newName()}-clicks`];
      expect((await apps.run('clickstream', 'produce.ts', args)).code).toBe(0);
      const run = [...args, '--until', 'latest'];
      const [embedded, whole, killed] = await Promise.all([
        apps.run('clickstream', 'main.ts', data('embedded-clicks')),
        apps.run('clickstream', 'main.ts', [...run, ...data('kafka-clicks')]),
        apps.runKilled('clickstream', [...run, ...data('kafka-clicks-killed')], /clicks counted/, 4),
      ]);
      expect([embedded.code, whole.code]).toEqual([0, 0]);
      expect(tables(whole)).toEqual(tables(embedded));
      expect(tables(killed)).toEqual(tables(whole));
    });

    /** The alerts in the files of a run, in their order. */
    const alertsIn = (name: string) => {
      const folder = join(apps.folder, 'data', name, 'alerts');
      // What a killed process was writing is not there yet.
      const files = readdirSync(folder).filter((file) => /^\d+-part-\d+\.jsonl$/.test(file));
      const lines = files.flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n'));
      return lines.filter((line) => line !== '').sort();
    };

    it('alerts: killed and started again, it has the alerts of a run that nobody disturbed', async () => {
      const [whole, killed] = await Promise.all([
        apps.run('alerts', 'main.ts', data('whole-alerts')),
        apps.runKilled('alerts', data('killed-alerts'), /^card-/, 30),
      ]);
      expect([whole.code, killed.code]).toEqual([0, 0]);
      const alerts = alertsIn('whole-alerts');
      for (const reason of ['over the limit', 'impossible journey', 'not confirmed']) {
        expect(alerts.some((alert) => alert.includes(reason))).toBe(true);
      }
      expect(new Set(alerts).size).toBe(alerts.length);
      expect(alertsIn('killed-alerts')).toEqual(alerts);
    });

    onKafka?.('alerts: so it is in Kafka, and without Kafka', async () => {
      const prefix = `${newName()}-`;
      const args = ['--brokers', brokers.join(), '--prefix', prefix];
      expect((await apps.run('alerts', 'produce.ts', args)).code).toBe(0);
      const { code } = await apps.runKilled(
        'alerts',
        [...args, ...data('kafka-alerts'), '--end-when-idle'],
        /^card-/,
        30,
      );
      expect(code).toBe(0);
      await apps.run('alerts', 'main.ts', data('memory-alerts'));
      expect(await valuesOf(`${prefix}alerts`)).toEqual(alertsIn('memory-alerts'));
    });

    /** What a reader of committed records finds in a topic, sorted. */
    async function valuesOf(topic: string): Promise<readonly string[]> {
      const found: string[] = [];
      const records = kafkaBatches(newKafka(), {
        topics: [topic],
        start: 'earliest',
        until: 'latest',
        interval: 50,
        deserialize: string(),
      });
      await lastValueFrom(records.pipe(foreachBatch((values) => void found.push(...(values as string[])))));
      return found.sort();
    }

    onKafka?.(
      'logs: killed and started again, it has the incidents and dead letters of a run that nobody disturbed',
      async () => {
        const run = async (name: string, start: (args: readonly string[]) => Promise<Ended>) => {
          const api = await startIncidents();
          const prefix = `${newName()}-`;
          const args = ['--brokers', brokers.join(), '--prefix', prefix];
          const { code } = await apps.run('logs', 'produce.ts', [...args, '--lines', '2000']);
          const ended = await start([...args, '--until', 'latest', '--api', api.url, ...data(name)]);
          api.close();
          const dead = await valuesOf(`${prefix}log-lines-dead`);
          return { codes: [code, ended.code], messages: [...api.messages.values()].sort(), dead };
        };
        const whole = await run('kafka-logs', (args) => apps.run('logs', 'main.ts', args));
        const killed = await run('kafka-logs-killed', (args) => apps.runKilled('logs', args, /^\d+ lines in/, 2));
        expect(whole.codes).toEqual([0, 0]);
        expect([whole.messages.length, whole.dead.length]).toEqual([200, 20]);
        expect(killed).toEqual(whole);
      },
    );

    /** An API that outlives the process which posts to it. An incident that comes again under its key is kept once. */
    async function startIncidents() {
      const messages = new Map<string, string>();
      const server = createServer(async (request, response) => {
        const { message } = (await json(request)) as { readonly message: string };
        messages.set(String(request.headers['idempotency-key']), message);
        response.writeHead(201).end();
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const close = () => {
        server.close();
        server.closeAllConnections();
      };
      return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, messages, close };
    }

    /** Of the flights by event time: the table, and how many flights this process has read. */
    const flightsTable = ({ code, lines }: Ended) => {
      const table = lines.slice(lines.findIndex((line) => line.startsWith('  origin')));
      const read = lines.flatMap((line) => /^(\d+) flights read/.exec(line)?.slice(1) ?? []);
      return { code, table, read: read.reduce((sum, count) => sum + Number(count), 0) };
    };
    const bounded = ['--until', 'latest', '--speed', '20000'];
    const allFlights = 20_000;

    it('flights: killed and started again, it has the table of a run that nobody disturbed', async () => {
      const [whole, killed] = await Promise.all([
        apps.run('flights', 'main.ts', bounded),
        apps.runKilled('flights', [...bounded, '--checkpoint', join(apps.folder, 'data/flights')], /flights read/, 3),
      ]);
      const { read, ...same } = flightsTable(whole);
      expect(read).toBe(allFlights);
      expect(same).toMatchObject({ code: 0, table: { length: 10 } });
      expect(flightsTable(killed)).toMatchObject(same);
      // It went on, and did not begin again.
      expect(flightsTable(killed).read).toBeLessThan(allFlights);
    });

    onKafka?.('flights: so it is from Kafka, and as without Kafka', async () => {
      const args = ['--brokers', brokers.join(), '--topic', `${newName()}-flights`];
      expect((await apps.run('flights', 'produce.ts', [...args, '--late', 'DFW'])).code).toBe(0);
      const folder = join(apps.folder, 'data/kafka-flights');
      const [embedded, whole, killed] = await Promise.all([
        apps.run('flights', 'main.ts', [...bounded, '--late', 'DFW']),
        apps.run('flights', 'main.ts', [...bounded, ...args]),
        apps.runKilled('flights', [...bounded, ...args, '--checkpoint', folder], /flights read/, 3),
      ]);
      const { read, ...same } = flightsTable(embedded);
      expect(read).toBe(allFlights);
      expect(same.table.at(-1)).toMatch(/^late: [1-9]/);
      expect(flightsTable(whole)).toEqual({ ...same, read });
      expect(flightsTable(killed)).toMatchObject(same);
      expect(flightsTable(killed).read).toBeLessThan(allFlights);
    });

    it('logs: every error is reported once, and every line that is no JSON put aside', async () => {
      const { code, lines } = await apps.run('logs', 'main.ts', [...data('logs'), '--lines', '1000']);
      expect(code).toBe(0);
      expect(lines.some((line) => line.startsWith('incidents: 100,'))).toBe(true);
      expect(lines).toContain('dead letters: 10');
    });

    it('sensors: the page gets events, and a signal ends it', async () => {
      let page: Promise<string> | undefined;
      const ended = await apps.run('sensors', 'main.ts', ['--port', '0'], (line, kill) => {
        const [, url] = /^page: (.*)$/.exec(line) ?? [];
        if (url) page = firstSensors(url).finally(() => kill('SIGTERM'));
      });
      expect(ended.code).toBe(0);
      expect(ended.lines).toContain('ended');
      expect(JSON.parse((await page) ?? '').sensors.map((each: { sensor: string }) => each.sensor)).toContain('oven');
    });

    onKafka?.('sensors: killed and started again, it has the history of a run that nobody disturbed', async () => {
      const args = ['--brokers', brokers.join(), '--topic', `${newName()}-readings`];
      expect((await apps.run('sensors', 'produce.ts', [...args, '--ticks', '1000'])).code).toBe(0);
      const run = [...args, '--until', 'latest', '--port', '0'];
      const [whole, killed] = await Promise.all([
        apps.run('sensors', 'main.ts', [...run, ...data('kafka-sensors')]),
        apps.runKilled('sensors', [...run, ...data('kafka-sensors-killed')], /^\d+ readings$/, 3),
      ]);
      const historyOf = ({ code, lines }: Ended) => ({ code, history: lines.slice(lines.indexOf('ended')) });
      expect(historyOf(whole)).toMatchObject({ code: 0, history: { length: 6 } });
      expect(whole.lines.at(-1)).toMatch(/^server room: .* in 1000$/);
      expect(historyOf(killed)).toEqual(historyOf(whole));
    });

    /** The first event of the page that has sensors. */
    async function firstSensors(url: string): Promise<string> {
      expect(await (await fetch(url)).text()).toContain('<title>Sensors</title>');
      const { body } = await fetch(`${url}events`);
      let text = '';
      for await (const chunk of body ?? []) {
        text += Buffer.from(chunk).toString();
        const found = /^data: (.*"oven".*)$/m.exec(text);
        if (found) return found[1] ?? '';
      }
      throw new Error('the page has no more events');
    }
  });
}
