import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as aggregators from 'dstream/aggregators';
import { describe, expect, it } from 'vitest';
import { statusTransitions } from '../../src/batch/monitoring/streamStatus.js';
import { operators, root } from '../support/operators.js';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const under = (directory: string, ending: string): readonly string[] =>
  (existsSync(join(root, directory)) ? readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' }) : [])
    .filter((path) => path.endsWith(ending) && !/^(api|examples|node_modules)\/|\.vitepress/.test(path))
    .map((path) => `${directory}/${path}`);

const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'UPGRADING.md', ...under('docs', '.md')];

/** The names of the fields of an interface. */
function fieldsOf(path: string, name: string): readonly string[] {
  const source = read(path);
  const body = source.slice(source.indexOf(`export interface ${name}`));
  return [...body.slice(0, body.indexOf('\n}')).matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field = '']) => field);
}

/** Whether a file of the repository is there, or what the site makes a page of: an app, integration or recipe of `examples/`. */
function isThere(path: string): boolean {
  const [, example] = /^docs\/examples\/(?:([\w-]+)\.md)?$/.exec(path) ?? [];
  const made =
    example === undefined
      ? []
      : [
          `examples/${example}/README.md`,
          `examples/integrations/${example}/README.md`,
          `examples/recipes/${example}.ts`,
          `examples/recipes/${example}.cts`,
        ];
  return [path, `${path}.md`, ...made].some((each) => existsSync(join(root, each)));
}

/** The headings of a page as the site names them in addresses. */
function anchorsOf(page: string): readonly string[] {
  return [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w]+/g, '-')
      .replaceAll(/^-|-$/g, ''),
  );
}

describe('pages', () => {
  it('name only files of the repository that are there', () => {
    const missing = pages.flatMap((page) => {
      const text = read(page);
      const links = [...text.matchAll(/\]\((\.?[\w./-]+)(?:#[\w-]+)?\)/g)].map(([, link = '']) =>
        join(dirname(page), link),
      );
      const paths = [...text.matchAll(/`((?:src|test|bench|scripts|examples|docs|\.ci)\/[\w./-]+)`/g)];
      return [...links, ...paths.map(([, path = '']) => path)]
        .filter((path) => !isThere(path))
        .map((path) => `${page}: ${path}`);
    });
    expect(missing).toEqual([]);
  });

  it('point only to headings that are there', () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((\.?[\w./-]*\.md)?#([\w-]+)\)/g)]
        .filter(([, path, anchor = '']) => !anchorsOf(path ? join(dirname(page), path) : page).includes(anchor))
        .map(([link]) => `${page}: ${link}`),
    );
    expect(anchorsOf('docs/concepts.md')).toContain('holds-when-a-batch-is-complete');
    expect(broken).toEqual([]);
  });

  it('list every operator and output', () => {
    const listed = read('docs/operators.md');
    expect(operators.size).toBeGreaterThan(25);
    const unlisted = [...operators.keys()].filter((name) => !listed.includes(`\`${name}(`));
    expect(unlisted, 'add a row to docs/operators.md').toEqual([]);
    const recommended = read('docs/which-operator.md');
    const unrecommended = [...operators.keys()].filter((name) => !recommended.includes(`(./operators/${name}.md`));
    expect(unrecommended, 'link each from docs/which-operator.md').toEqual([]);
  });

  it('list every option of a stream from Kafka', () => {
    const options = [
      ...fieldsOf('src/sources/log/logSourceOptions.ts', 'LogSourceOptions'),
      ...fieldsOf('src/driver/driverOptions.ts', 'DriverOptions'),
      ...fieldsOf('src/sources/kafka/kafkajs/kafkaClientOptions.ts', 'KafkaClientOptions'),
    ];
    const listed = [...read('docs/kafka.md').matchAll(/^\| `(\w+)` \|/gm)].map(([, option]) => option);
    expect(options.length).toBeGreaterThan(20);
    expect([...listed].sort()).toEqual([...options].sort());
  });

  it('list every option of a process that is a member of its group', () => {
    const options = [
      ...fieldsOf('src/sources/group/membershipOptions.ts', 'MembershipOptions'),
      ...fieldsOf('src/sources/kafka/kafkajs/exclusiveOwnership.ts', 'ExclusiveOptions'),
      ...fieldsOf('src/sources/tasks/taskOptions.ts', 'TaskOptions'),
      ...fieldsOf('src/sources/tasks/standbyOptions.ts', 'StandbyOptions'),
    ];
    const listed = [...read('docs/scale-out.md').matchAll(/^\| `(\w+)` \|/gm)].map(([, option]) => option);
    expect(options.length).toBeGreaterThan(4);
    expect([...listed].sort()).toEqual([...options].sort());
  });

  it('list every option of a job in threads', () => {
    const options = fieldsOf('src/workers/runInThreads.ts', 'RunInThreadsOptions');
    const listed = [...read('docs/threads.md').matchAll(/^\| `(\w+)` \|/gm)].map(([, option]) => option);
    expect(options.length).toBeGreaterThan(4);
    expect([...listed].sort()).toEqual([...options].sort());
  });

  it('list every option of receivers, and have a page for each that is ready', () => {
    const options = fieldsOf('src/sources/receiver/receiverOptions.ts', 'ReceiverSourceOptions');
    const [, section = ''] = /^## Options$([\s\S]*?)^## /m.exec(read('docs/receivers.md')) ?? [];
    const listed = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, option]) => option);
    expect(options.length).toBeGreaterThan(15);
    expect([...listed].sort()).toEqual([...options].sort());
    const ready = new Map(
      [...under('src/sources/receiver/node', '.ts'), 'src/sources/kafka/kafkajs/kafkaReceiver.ts'].flatMap((path) => {
        const [, name] = /export interface (\w+Receiver)Options\b/i.exec(read(path)) ?? [];
        return name === undefined ? [] : [[name, fieldsOf(path, `${name}Options`)] as const];
      }),
    );
    expect(ready.size).toBe(7);
    for (const [name, fields] of ready) {
      const page = read(`docs/receivers/${name[0]?.toLowerCase()}${name.slice(1)}.md`);
      const rows = [...page.matchAll(/^\| `(\w+)(?:\([^)]*\))?` \|/gm)].map(([, option]) => option);
      expect([...rows].sort(), name).toEqual([...fields].sort());
    }
  });

  it('list every option of the dashboard', () => {
    const options = fieldsOf('src/dashboard/server/dashboardOptions.ts', 'DashboardOptions');
    const listed = [...read('docs/dashboard.md').matchAll(/^\| `(\w+)` \|/gm)].map(([, option]) => option);
    expect(options.length).toBeGreaterThan(4);
    expect([...listed].sort()).toEqual([...options].sort());
  });

  it('list every aggregator that is ready', () => {
    const files = under('src/windows/aggregators', '.ts').map((path) => path.replace(/^.*\/(\w+)\.ts$/, '$1'));
    const names = files.filter((name) => name in aggregators);
    const [, ...rows] = read('docs/aggregators.md').match(/^\| .*$/gm) ?? [];
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !rows.some((row) => row.includes(`\`${name}(`)))).toEqual([]);
  });

  it('explain all that can be observed', () => {
    const types = [
      ['src/batch/batchInfo.ts', 'BatchInfo'],
      ['src/batch/batchInfo.ts', 'InputInfo'],
      ['src/batch/rateDecision.ts', 'RateDecision'],
      ['src/batch/rateDecision.ts', 'LearnedCost'],
      ['src/driver/stopReport.ts', 'StopReport'],
    ] as const;
    const fields = types.flatMap(([path, name]) => fieldsOf(path, name));
    const decisions = read('src/batch/rateDecision.ts');
    const unions = [...decisions.matchAll(/^export type Rate(?:Rule|Warning) =([^;]*);/gm)].map(([, union]) => union);
    const words = [...unions.join().matchAll(/'([\w-]+)'/g)].map(([, word = '']) => word);
    expect(fields.length).toBeGreaterThan(25);
    expect(words.length).toBeGreaterThan(12);
    const rows = read('docs/observability.md')
      .split('\n')
      .filter((line) => line.startsWith('|'));
    expect([...fields, ...words].filter((name) => !rows.some((row) => row.includes(`\`${name}\``)))).toEqual([]);
  });

  it('name every helper of the test kit', () => {
    const helpers = ['BatchRunHelpers', 'RunBatchesOptions'].flatMap((name) =>
      fieldsOf('src/testing/runBatches.ts', name),
    );
    const [, calls = ''] = /type LogCall = (.*);/.exec(read('src/testing/faultyLog.ts')) ?? [];
    const names = [...helpers, 'batches', 'expectBatches', ...calls.split(' | ').map((call) => call.slice(1, -1))];
    expect(names.length).toBeGreaterThan(12);
    const page = read('docs/testing.md');
    expect(names.filter((name) => !page.match(`[\`(]${name}\\b`))).toEqual([]);
  });

  it('list every transition between statuses', () => {
    const page = read('docs/observability.md');
    const rows = [...page.matchAll(/^\| `(\w+)` \| `(\w+)` \| `(\w+)` \|$/gm)].map(([, ...row]) => row);
    const transitions = Object.entries(statusTransitions).flatMap(([status, byTrigger]) =>
      Object.entries(byTrigger)
        .filter(([trigger]) => trigger !== 'end' && trigger !== 'error')
        .map(([trigger, next]) => [status, trigger, next]),
    );
    expect(rows).toEqual(transitions);
    const [, body = ''] = /interface RunMonitor \{(.*?)\n\}/s.exec(read('src/batch/monitoring/streamMonitor.ts')) ?? [];
    const methods = [...body.matchAll(/^ {2}(\w+)\?/gm)].map(([, name]) => name);
    expect(methods).toHaveLength(14);
    for (const method of methods) expect(page).toContain(`| \`${method}\` |`);
  });
});
