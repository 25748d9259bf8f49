import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { freePorts } from '../../../scripts/free-ports.mjs';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const prometheus = process.env.PROMETHEUS ?? 'prometheus';
const directory = mkdtempSync(join(tmpdir(), 'dstream-prometheus-'));
const children: ChildProcess[] = [];

afterAll(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  rmSync(directory, { recursive: true });
});

function start(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stderr?.resume();
  children.push(child);
  return child;
}

/** The address that the demo prints. */
async function demo(): Promise<string> {
  const child = start(process.execPath, ['--import', 'tsx', 'examples/flights/main.ts', '--metrics', '0']);
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const [, address] = /^metrics: http:\/\/(\S+)\/metrics$/.exec(line) ?? [];
    if (address === undefined) continue;
    child.stdout?.resume();
    return address;
  }
  throw new Error('the demo ended without an address');
}

/** Asks until there is an answer that is not empty. */
async function query(
  port: number,
  expression: string,
): Promise<readonly { metric: Record<string, string>; value: [number, string] }[]> {
  const deadline = Date.now() + 240_000;
  for (;;) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`);
      const { data } = (await answer.json()) as { data: { result: never[] } };
      if (data.result.length > 0) return data.result;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    if (Date.now() > deadline) throw new Error(`no answer to ${expression}`);
    await sleep(250);
  }
}

const missing = spawnSync(prometheus, ['--version']).error !== undefined;

describe.skipIf(missing)('a Prometheus that scrapes the demo', () => {
  it('answers queries about its stream', async () => {
    const target = await demo();
    const [port = 0] = await freePorts(1);
    const config = {
      global: { scrape_interval: '500ms', evaluation_interval: '1s' },
      rule_files: [join(root, 'docs/monitoring/alerts.yml')],
      scrape_configs: [{ job_name: 'flights', static_configs: [{ targets: [target] }] }],
    };
    const file = join(directory, 'prometheus.yml');
    writeFileSync(file, JSON.stringify(config));
    start(prometheus, [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]).stdout?.resume();
    const [running] = await query(port, 'dstream_status{status="running"} == 1');
    expect(running?.metric).toMatchObject({ stream: 'flights', job: 'flights' });
    const [records] = await query(port, 'sum(dstream_records_total) > 1000');
    expect(Number(records?.value[1])).toBeGreaterThan(1_000);
    const [rate] = await query(port, 'sum by (topic) (rate(dstream_records_total[10s])) > 0');
    expect(rate?.metric).toEqual({ topic: 'flights' });
    const quantile = 'histogram_quantile(0.9, sum by (le) (rate(dstream_batch_processing_seconds_bucket[10s]))) >= 0';
    expect(await query(port, quantile)).toHaveLength(1);
  });
});
