import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whyNoBroker } from '../../scripts/kafka-broker.mjs';
import { type ChaosOptions, runChaos } from '../chaos/chaos.js';
import { startWorld, type World } from '../chaos/world.js';
import { nightly } from '../support/nightly.js';
import { postgresUrl } from '../support/postgres.js';

const timeout = 600_000;
const withoutPsql = spawnSync('psql', ['--version']).status !== 0;

// One broker and a few short faults; npm run chaos has three brokers and all faults, and runs in test:nightly.
describe.skipIf(whyNoBroker() || postgresUrl === '' || withoutPsql)('chaos', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ nodes: 1, seed: 7, postgresUrl });
  }, timeout);
  afterAll(() => world?.close(), timeout);

  const run = (options: Partial<ChaosOptions> & Pick<ChaosOptions, 'modes' | 'faults'>) =>
    runChaos({ world, seed: 7, faultMs: 500, boundMs: timeout, ...options });

  it('nothing is lost, doubled, stuck or left open', { timeout }, async () => {
    const reports = await run({
      modes: ['transactions', 'exactly-once'],
      faults: ['all brokers: cuts in the middle of responses', 'PostgreSQL: resets connections', 'the job is killed'],
    });
    expect(reports.map(({ mode }) => mode)).toEqual(['transactions', 'exactly-once']);
    for (const { records, lost, doubled, miscounted, counts, faults: seen } of reports) {
      expect(seen).toEqual([]);
      expect({ lost, doubled, miscounted, ...counts }).toEqual({
        ...{ lost: 0, doubled: 0, miscounted: 0 },
        ...{ stuck: 0, unhandled: 0, untyped: 0, ended: 0, handles: 0, memory: 0, stops: 0 },
      });
      expect(records).toBeGreaterThan(0);
    }
  });

  if (!nightly) return;

  // Controls: what the judges have to find in a job with a fault of its own. How many kills that takes is chance; the judges have
  // unit tests of their own.
  it('finds what is lost where progress is saved before the output', { timeout }, async () => {
    const [report] = await run({
      modes: ['default'],
      planted: 'unclaimed-writes',
      faults: ['the job is killed'],
    });
    expect(report?.lost).toBeGreaterThan(0);
    expect(report?.doubled).toBe(0);
  });

  it('finds what is doubled, an unhandled rejection and what stays open', { timeout }, async () => {
    const [report] = await run({
      modes: ['default'],
      planted: 'bad-manners',
      faults: ['the job is killed'],
      exitBoundMs: 5_000,
    });
    expect(report?.lost).toBe(0);
    expect(report?.doubled).toBeGreaterThan(0);
    expect(report?.counts.unhandled).toBeGreaterThan(0);
    expect(report?.counts.handles).toBeGreaterThan(0);
  });
});
