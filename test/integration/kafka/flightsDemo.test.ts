import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { brokers, describeKafka } from '../../support/kafka.js';
import { itNightly, nightly } from '../../support/nightly.js';

const main = fileURLToPath(new URL('../../../examples/flights/main.ts', import.meta.url));

/** What `npm run demo` says on a real Kafka. */
async function said(...options: readonly string[]): Promise<string> {
  const args = ['--import', 'tsx', main, '--brokers', brokers.join(','), ...options];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (bytes) => {
    text += bytes;
  });
  const [code] = await once(child, 'close');
  expect(code, text).toBe(0);
  return text;
}

/** The table of `npm run demo -- --until latest`. */
async function demo(...options: readonly string[]): Promise<readonly string[]> {
  const text = await said('--until', 'latest', ...options);
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

describeKafka('the flights demo on a real Kafka', () => {
  it('has, bounded, the same table at every speed, and says how many flights of a late airport were too late', async () => {
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

  // It takes a session and three pauses.
  itNightly(
    'has, with several processes, every departure in the totals once, though a process is killed',
    {},
    async () => {
      const lines = (await said('--processes', '3')).trimEnd().split('\n');
      const at = (what: RegExp) => lines.findIndex((line) => what.test(line));
      const [shared, killed, takenOver, back] = [
        at(/process 1: \d \d \| process 2: \d \d \| process 3: \d \d/),
        at(/process 3 is killed \(SIGKILL \d+\), which had \d \d/),
        at(/process 1: \d \d \d \| process 2: \d \d \d \| process 3: -/),
        at(/process 3 starts again/),
      ];
      expect(shared).toBeGreaterThan(0);
      expect([shared, killed, takenOver, back]).toEqual([shared, killed, takenOver, back].sort((a, b) => a - b));
      expect(lines.at(-1)).toMatch(/^right: (\d+) of \1 departures of \d{2,} airports are in the totals, each once$/);
    },
  );
});
