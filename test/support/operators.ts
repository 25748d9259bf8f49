import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as dstream from 'dstream';
import * as kafka from 'dstream/kafka';
import * as node from 'dstream/node';
import * as workers from 'dstream/workers';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The files below a folder of the repository. */
export function filesOf(folder: string): readonly string[] {
  const paths = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return paths.filter((path) => path.endsWith('.ts')).map((path) => join(root, folder, path));
}

/** The sources of operators and outputs, with what they are made of. */
export const operatorFiles = ['src/operators', 'src/outputs', 'src/workers'].flatMap(filesOf);

/** The public operators and outputs, with their sources: each has a file of its name. */
export const operators: ReadonlyMap<string, string> = new Map(
  operatorFiles
    .map((path) => [path.replace(/^.*\/(\w+)\.ts$/, '$1'), path] as const)
    .filter(([name]) => name in dstream || name in node || name in kafka || name in workers)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, path]) => [name, readFileSync(path, 'utf8')] as const)
    // Others configure a stream, such as `deadLetterTopic`.
    .filter(([, source]) => source.includes('OperatorFunction')),
);
