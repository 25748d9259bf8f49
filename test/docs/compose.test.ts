import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { root } from '../support/operators.js';

interface Service {
  readonly profiles?: readonly string[];
  readonly command?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly deploy?: { readonly replicas: number };
}

const file = parse(readFileSync(join(root, 'compose.yaml'), 'utf8'), { merge: true }) as {
  readonly services: Readonly<Record<'demo' | 'kafka' | 'postgres' | 'produce', Service>>;
};
const { demo, kafka, produce } = file.services;

/** The program of a command, and its options by name. */
function readCommand({ command = '' }: Service) {
  const [, program = '', options = ''] = /^node --import tsx (\S+) (.*)$/.exec(command) ?? [];
  return { program, options: new Map([...options.matchAll(/--(\w+) (\S+)/g)].map(([, name, value]) => [name, value])) };
}

describe('compose.yaml', () => {
  it('starts three processes of the demo, which tests do not need', () => {
    expect(demo.deploy?.replicas).toBe(3);
    for (const [name, { profiles }] of Object.entries(file.services))
      expect(profiles ?? [], name).toEqual(['demo', 'produce'].includes(name) ? ['demo'] : []);
  });

  it('names programs, options and addresses that are there', () => {
    for (const service of [demo, produce]) {
      const { program, options } = readCommand(service);
      expect(existsSync(join(root, program)), program).toBe(true);
      const source = readFileSync(join(root, program), 'utf8');
      for (const name of options.keys())
        expect(source, `${program} --${name}`).toMatch(new RegExp(`^    ${name}: {`, 'm'));
      expect(kafka.environment?.KAFKA_ADVERTISED_LISTENERS).toContain(`//${options.get('brokers')}`);
    }
  });

  it('has at least a partition for each process, and as many in what writes as in what reads', () => {
    const partitions = [demo, produce].map((service) => Number(readCommand(service).options.get('partitions')));
    expect(partitions[0]).toBeGreaterThanOrEqual(demo.deploy?.replicas ?? Infinity);
    expect(partitions[1]).toBe(partitions[0]);
  });
});
