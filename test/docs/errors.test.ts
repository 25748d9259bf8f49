import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as dstream from 'dstream';
import * as node from 'dstream/node';
import * as testing from 'dstream/testing';
import { expect, it } from 'vitest';

const page = readFileSync(fileURLToPath(new URL('../../docs/errors.md', import.meta.url)), 'utf8');
const source = ['dstreamError', 'pipelineErrors', 'sourceErrors', 'storageErrors', 'threadErrors']
  .map((name) => readFileSync(fileURLToPath(new URL(`../../src/batch/errors/${name}.ts`, import.meta.url)), 'utf8'))
  .join('\n');

it('the errors page lists every code with its class, and every class is exported', () => {
  const union = source.slice(
    source.indexOf('DStreamErrorCode'),
    source.indexOf(';', source.indexOf('DStreamErrorCode')),
  );
  const codes = [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code);
  const listed = [...page.matchAll(/^\| `([A-Z_]+)` *\| `(\w+)`/gm)];
  expect(codes.length).toBeGreaterThan(20);
  expect(listed.map(([, code]) => code).sort()).toEqual([...codes].sort());
  for (const [, , name = ''] of listed) expect(Object.keys({ ...dstream, ...node, ...testing })).toContain(name);
});

it('the errors page says of each what its class does: whether trying again may help', () => {
  const classes = source.split(/^export class /m).slice(1);
  const retriable = classes.map((body) => {
    const [, code = ''] = /readonly code = '(\w+)'/.exec(body) ?? [];
    const [, word] = /override readonly retriable(?:: boolean)?( = true)?/.exec(body) ?? ['', 'never'];
    return [code, word === 'never' ? 'no' : word === undefined ? 'as it says' : 'yes'];
  });
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` .*\| ([\w ]+?) *\|$/gm)].map(([, code, answer]) => [code, answer]);
  expect(rows.sort()).toEqual(retriable.sort());
});
