import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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

    nightlyIf(brokers.length > 0)?.('alerts: so it is in Kafka, and without Kafka', async () => {
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
      const found: string[] = [];
      const sent = kafkaBatches(newKafka(), {
        topics: [`${prefix}alerts`],
        start: 'earliest',
        until: 'latest',
        interval: 50,
        deserialize: string(),
      });
      await lastValueFrom(sent.pipe(foreachBatch((alerts) => void found.push(...(alerts as string[])))));
      await apps.run('alerts', 'main.ts', data('memory-alerts'));
      expect(found.sort()).toEqual(alertsIn('memory-alerts'));
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
