import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(fileURLToPath(new URL(path, root)), 'utf8');
const page = read('docs/guarantees.md');
const [, table = ''] = page.split('\n## Accidents\n');
const rows = (table.split('\n## ')[0] ?? '')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(2)
  .map((line) => line.split(/(?<!\\)\|/).slice(1, -1));
const scripts: Readonly<Record<string, string>> = JSON.parse(read('package.json')).scripts;

/** The kinds of accidents that years bring, each as the words that its row begins with. */
const kinds = [
  ['processes', /process is killed/, /second process/, /membership: 'exclusive'/, /suspended/, /same checkpoint/],
  ['functions of the user', /throws on a record/, /RxJS throws/, /promise/, /`deserialize` returns/, /awaits `stop/],
  ['records', /cannot be deserialized/, /tombstone/, /too large/, /does not have/, /few records/, /unpacks to more/],
  ['states', /could not be read back/, /removed or renamed/, /source was removed/, /another length/, /one hash/],
  ['hanging', /output never settles/, /save, commit, plan or read/, /log hangs/, /to end while brokers/],
  ['batches', /keeps failing/, /`sendToKafka\(\)` beside/],
  ['brokers', /broker is killed/, /keeps the offsets/, /no leader, or one of several topics/, /members of the group/],
  ['rights', /right is missing/, /certificate/, /other users/],
  ['bytes', /responses are cut/, /arrives damaged/, /unpacks to gigabytes/],
  ['logs', /deleted and created/, /unclean/, /retention/],
  ['disks', /disk is full/],
  ['time', /weekend down/, /clock jumps/, /24\.8 days/],
  ['names and options', /__proto__/, /misspelt/],
] as const;

describe('the table of accidents', () => {
  it.each(rows.map((cells) => [cells[0]?.trim(), cells] as const))('%s', (_, cells) => {
    // An accident, what is seen, within what time, what is lost, how to go on, and the tests.
    expect(cells).toHaveLength(6);
    const [accident, seen, , lost, , tests = ''] = cells.map((cell) => cell.trim());
    for (const cell of [accident, seen, lost, tests]) expect(cell).not.toBe('');
    const named = [...tests.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
    expect(named.length).toBeGreaterThan(0);
    for (const name of named) {
      const [, script] = /^npm run (\S+)$/.exec(name) ?? [];
      if (script) expect(scripts).toHaveProperty([script]);
      else expect(name).toMatch(/^test\/.*\.test\.ts$/);
      if (!script) expect(existsSync(fileURLToPath(new URL(name, root))), name).toBe(true);
    }
  });

  it('has a row for each kind of accident', () => {
    const accidents = rows.map(([accident = '']) => accident.trim());
    const missing = kinds.flatMap(([, ...patterns]) =>
      patterns.filter((pattern) => !accidents.some((accident) => pattern.test(accident))),
    );
    expect(missing).toEqual([]);
  });
});
