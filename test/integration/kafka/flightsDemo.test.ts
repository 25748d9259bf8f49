import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { brokers, describeKafka } from '../../support/kafka.js';
import { nightly } from '../../support/nightly.js';

const main = fileURLToPath(new URL('../../../examples/flights/main.ts', import.meta.url));

/** The table of `npm run demo -- --until latest` on a real Kafka. */
async function demo(...options: readonly string[]): Promise<readonly string[]> {
  const args = ['--import', 'tsx', main, '--brokers', brokers.join(','), '--until', 'latest', ...options];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (bytes) => {
    text += bytes;
  });
  const [code] = await once(child, 'close');
  expect(code).toBe(0);
  return text.slice(text.indexOf('  origin')).trimEnd().split('\n');
}

const lateOf = (table: readonly string[]) => Number(/^late: (\d+)$/.exec(table.at(-1) ?? '')?.[1]);
/** Origin, days and departures of the airports of the table, but for one. */
const others = (table: readonly string[], airport: string) =>
  table
    .slice(1, -1)
    .map((line) => line.trim().split(/\s+/).slice(0, 3))
    .filter(([origin]) => origin !== airport);

const airport = 'DFW';
const fast = ['--speed', '1000000'];
const slow = ['--speed', '40000'];

describeKafka('the flights demo, bounded, on a real Kafka', () => {
  it('has the same table at every speed, and says how many flights of a late airport were too late', async () => {
    const one = await demo(...fast, '--late', airport);
    const other = await demo(...slow, '--late', airport);
    expect(one).toHaveLength(10);
    expect(lateOf(one)).toBeGreaterThan(0);
    expect(other).toEqual(one);
    if (!nightly) return;
    const table = await demo(...fast);
    expect(lateOf(table)).toBe(0);
    // Flights of no other airport are late because of it.
    expect(others(one, airport)).toEqual(expect.arrayContaining(others(table, airport)));
  });
});
