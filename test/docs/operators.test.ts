import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { operatorFiles, operators, root } from '../support/operators.js';
import { picturesOf, runPicture } from './picture.js';

// Every operator and output has a page, and what stands on it is true: the picture is run, every option is explained.

const names = [...operators.keys()];

/** What cannot be shown in virtual time, because it writes to files or a server, or runs in threads. */
const withoutPicture = new Set([
  'mapPartitionsInThreads',
  'saveAsTextFiles',
  'saveAsObjectFiles',
  'foreachBatchInTransaction',
  'mergeTasks',
  'sendInTransaction',
  'sendToKafka',
  'shuffleTopic',
]);

/** What needs a server: its example is compiled only, and the page names the test that runs the like of it. */
const withServer = new Set([
  'foreachBatchInTransaction',
  'mergeTasks',
  'sendInTransaction',
  'sendToKafka',
  'shuffleTopic',
]);

const read = (name: string): string => operators.get(name) ?? '';
const pathOf = (name: string): string => join(root, `docs/operators/${name}.md`);
const pageOf = (name: string): string => readFileSync(pathOf(name), 'utf8');

/** Every interface of options, with its fields and those of the interfaces that it extends. */
const optionTypes = new Map(
  operatorFiles
    .flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/^export interface (\w+Options)\b[\s\S]*?^}/gm)])
    .map(([body, type = '']) => [type, body]),
);

function fieldsOf(type: string): readonly string[] {
  const body = optionTypes.get(type) ?? '';
  const [, parent] = /extends (\w+Options)/.exec(body) ?? [];
  const fields = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field = '']) => field);
  return parent === undefined ? fields : [...fields, ...fieldsOf(parent)];
}

/** The names of the options that an operator takes. */
function optionsOf(name: string): readonly string[] {
  const source = read(name);
  const types = [...optionTypes.keys()].filter((type) => new RegExp(`\\b${type}\\b`).test(source));
  const inline = [...source.matchAll(/& \{ readonly (\w+)\?/g)].map(([, option = '']) => option);
  return [...types.flatMap(fieldsOf), ...inline];
}

it('every operator and output has its page, and no page is of something else', () => {
  const pages = readdirSync(join(root, 'docs/operators')).map((file) => file.replace(/\.md$/, ''));
  expect(names.length).toBeGreaterThan(35);
  const missing = names.filter((name) => !existsSync(pathOf(name)));
  expect(missing, 'write docs/operators/<name>.md in the form of its neighbors').toEqual([]);
  expect(pages.filter((name) => !names.includes(name))).toEqual([]);
});

describe.each(names.filter((name) => existsSync(pathOf(name))))('the page of %s', (name) => {
  const page = pageOf(name);

  it('has what a reader looks for: a group, an example that runs, Spark, errors and cost', () => {
    expect(page).toMatch(new RegExp(`^---\ngroup: [A-Z].*\n---\n# ${name}\n\n[A-Z]`));
    const examples = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code);
    if (withServer.has(name)) expect(page).toMatch(/^```ts no-run$[\s\S]*^```$/m);
    if (withServer.has(name)) expect(page).toContain('`test/integration/');
    else expect(examples.filter((code) => code.includes('// => ') && code.includes(name)).length).toBeGreaterThan(0);
    for (const part of ['Spark', 'Errors', 'Cost']) expect(page).toContain(`\n- **${part}**: `);
    expect(page.split('\n').length).toBeLessThan(120);
    // What is wider must be scrolled on the site.
    const wide = [...examples, ...(page.match(/^ {4}.*$/gm) ?? [])]
      .join('\n')
      .split('\n')
      .filter((line) => line.length > 104);
    expect(wide).toEqual([]);
  });

  it('explains every option and names every error', () => {
    const rows = [...page.matchAll(/^\| `(?:\.\.\.)?(\w+)/gm)].map(([, option]) => option);
    expect(optionsOf(name).filter((option) => !rows.includes(option))).toEqual([]);
    const errors = [...read(name).matchAll(/^ \* @throws \{(\w+)\}/gm)].map(([, error = '']) => error);
    expect(errors.filter((error) => !page.includes(`\`${error}\``))).toEqual([]);
  });

  if (!withoutPicture.has(name))
    it('has a picture that is true', () => {
      const pictures = picturesOf(page);
      expect(pictures.length).toBeGreaterThan(0);
      for (const picture of pictures) {
        expect(picture.call).toContain(`${name}(`);
        const { actual, expected } = runPicture(picture);
        expect(actual).toStrictEqual(expected);
      }
    });
});
