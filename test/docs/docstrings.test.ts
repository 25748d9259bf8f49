import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { operators, root } from '../support/operators.js';
import { publicNames } from './publicModel.js';

// Every public name says what it is, with units, defaults and errors: an editor shows it, and the reference is made of it.

const names = publicNames();
const fields = names.flatMap((owner) => owner.fields.map((field) => ({ ...field, owner })));
const paths = (found: readonly { readonly path: string }[]): readonly string[] => [
  ...new Set(found.map(({ path }) => path)),
];

it('sees every entry point', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: object };
  for (const key of Object.keys(exports).filter((name) => !name.endsWith('.json'))) {
    const entry = key.replace('.', 'dstream');
    expect(paths(names).filter((path) => path.startsWith(`${entry}: `))).not.toEqual([]);
  }
  expect(paths(fields).length).toBeGreaterThan(300);
});

describe('every public name', () => {
  it('has a docstring', () => {
    expect(paths(names.filter(({ text }) => text.trim() === ''))).toEqual([]);
  });

  it('has one on each of its fields', () => {
    expect(
      paths(fields.filter(({ text, tags }) => text.trim() === '' && !tags.some(({ name }) => name === 'default'))),
    ).toEqual([]);
  });

  it('says what it throws', () => {
    const missing = names.flatMap(({ path, throws, tags }) =>
      [...throws]
        .filter((error) => !tags.some(({ name, text }) => name === 'throws' && text.startsWith(`{${error}}`)))
        .map((error) => `${path}: @throws {${error}}`),
    );
    expect(missing).toEqual([]);
  });
});

describe('every option', () => {
  const options = fields.filter(({ owner }) => owner.name.endsWith('Options'));

  it('that may be left out says what happens then', () => {
    const silent = options.filter(
      ({ optional, text, tags }) =>
        optional && !tags.some(({ name }) => name === 'default') && !/\b(default|required|without)\b/i.test(text),
    );
    expect(paths(silent)).toEqual([]);
  });

  it('that is a number says its unit', () => {
    const unit =
      /\b(ms|seconds?|bytes|KiB|MiB|records?|batch(es)?|partitions?|keys?|ids?|values?|times|attempts|retries|ratio|fraction|share|factor|version|integer|number of|how (many|often))\b/;
    const bare = options.filter(({ type, text, tags }) => {
      const all = [text, ...tags.map((tag) => tag.text)].join(' ');
      return /^number( \| undefined)?$/.test(type) && !unit.test(all);
    });
    expect(paths(bare)).toEqual([]);
  });
});

describe('every operator and output', () => {
  const own = names.filter(({ name }) => operators.has(name));

  it('has an example', () => {
    expect(own.length).toBeGreaterThan(40);
    expect(paths(own.filter(({ tags }) => !tags.some(({ name }) => name === 'example')))).toEqual([]);
  });

  it('names its neighbours, which exist', () => {
    const known = new Set(names.map(({ name }) => name));
    const neighbours = (tags: (typeof own)[number]['tags']) =>
      tags
        .filter(({ name }) => name === 'see')
        .flatMap(({ text }) => [...text.matchAll(/\{@link (\w+)\}/g)].map(([, name = '']) => name));
    expect(paths(own.filter(({ tags }) => neighbours(tags).length === 0))).toEqual([]);
    expect(
      own.flatMap(({ path, tags }) =>
        neighbours(tags)
          .filter((name) => !known.has(name))
          .map((name) => `${path}: ${name}`),
      ),
    ).toEqual([]);
  });
});
