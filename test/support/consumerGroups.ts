import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ensureKafka } from '../../scripts/kafka-broker.mjs';
import { brokers } from './kafka.js';

const run = promisify(execFile);

/** A row of a table, by the titles of its columns. */
export type Row = Readonly<Record<string, string>>;

export interface Described {
  readonly rows: readonly Row[];
  /** What the tool says besides, such as that nobody is in the group. */
  readonly notes: string;
}

/** What `kafka-consumer-groups.sh --describe` says of a group. */
export async function describeGroup(groupId: string, ...options: readonly string[]): Promise<Described> {
  const java = ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error'];
  const main = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand';
  const what = ['--bootstrap-server', brokers.join(','), '--describe', '--group', groupId, ...options];
  const { stdout, stderr } = await run('java', [...java, '-cp', ensureKafka(), main, ...what]);
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
  const isHeader = (line: string) => line.startsWith('GROUP ');
  // Columns are as wide as their longest cell, and some cells are empty.
  const columns = [...(lines.find(isHeader) ?? '').matchAll(/\S+/g)].map(({ 0: title, index }) => ({ title, index }));
  const cellsOf = (line: string) =>
    columns.map(({ title, index }, i) => [title, line.slice(index, columns[i + 1]?.index).trim()] as const);
  return {
    rows: lines.filter((line) => line.startsWith(`${groupId} `)).map((line) => Object.fromEntries(cellsOf(line))),
    notes: lines.filter((line) => !isHeader(line) && !line.startsWith(`${groupId} `)).join('\n'),
  };
}
