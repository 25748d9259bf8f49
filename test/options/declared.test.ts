import * as dstream from 'dstream';
import { InvalidOptionError } from 'dstream';
import * as aggregators from 'dstream/aggregators';
import * as kafka from 'dstream/kafka';
import * as node from 'dstream/node';
import * as opentelemetry from 'dstream/opentelemetry';
import * as prometheus from 'dstream/prometheus';
import * as testing from 'dstream/testing';
import * as workers from 'dstream/workers';
import { describe, expect, it } from 'vitest';
import { DStreamError } from '../../src/batch/errors.js';
import { misspelt, pool, sample, verdict } from './badValues.js';
import { type DeclaredFunction, type DeclaredOption, declaredFunctions } from './declaredOptions.js';
import { unchecked, validArguments } from './validArguments.js';

// Every option of every public function is tried with bad values. The options are read from the declarations, so that one that is added
// later is tried without a change here.

const functions = declaredFunctions().filter(({ parameters }) => parameters.length > 0);
const modules: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  dstream,
  'dstream/aggregators': aggregators,
  'dstream/kafka': kafka,
  'dstream/node': node,
  'dstream/opentelemetry': opentelemetry,
  'dstream/prometheus': prometheus,
  'dstream/testing': testing,
  'dstream/workers': workers,
};

interface Attempt {
  readonly of: DeclaredFunction;
  /** The parameter, and the options inside. */
  readonly path: readonly DeclaredOption[];
  readonly index: number;
}

const attempts = functions
  .filter(({ name }) => name in validArguments)
  .flatMap((of) => of.parameters.flatMap((parameter, index) => attemptsAt({ of, path: [parameter], index })));

function attemptsAt(at: Attempt): readonly Attempt[] {
  const { path } = at;
  return [at, ...(path.at(-1)?.fields ?? []).flatMap((field) => attemptsAt({ ...at, path: [...path, field] }))];
}

it('knows arguments for every public function that takes some', () => {
  const missing = functions.map(({ name }) => name).filter((name) => !(name in validArguments) && !(name in unchecked));
  expect(missing).toEqual([]);
  expect(attempts.length).toBeGreaterThan(400);
});

it('accepts them', async () => {
  const refused = [];
  for (const of of functions.filter(({ name }) => name in validArguments)) {
    const error = await errorOf(of, validArguments[of.name]?.() ?? []);
    if (error !== undefined) refused.push(`${of.name}: ${String(error)}`);
  }
  expect(refused).toEqual([]);
});

describe('every option', () => {
  it('refuses bad values, naming the function, the option, the value and the rule', async () => {
    const faults: string[] = [];
    let tried = 0;
    for (const attempt of attempts) {
      const option = attempt.path.at(-1) as DeclaredOption;
      for (const value of [...pool, ...(option.required ? [undefined] : [])]) {
        tried++;
        const fault = faultOf(attempt, value, await errorOf(attempt.of, withValue(attempt, value)));
        if (fault) faults.push(`${attempt.of.name} ${nameOf(attempt)} = ${shown(value)}: ${fault}`);
      }
    }
    expect(faults).toEqual([]);
    expect(tried).toBeGreaterThan(5_000);
  });

  it('is refused under a misspelt name, with the right one', async () => {
    const faults: string[] = [];
    for (const attempt of attempts) {
      const option = attempt.path.at(-1) as DeclaredOption;
      const name = misspelt(option.name);
      const siblings = attempt.path.at(-2)?.fields ?? [];
      if (siblings.length === 0 || siblings.some((sibling) => sibling.name === name)) continue;
      const error = await errorOf(attempt.of, withValue(attempt, sample(option), name));
      const given = nameOf({ ...attempt, path: [...attempt.path.slice(0, -1), { ...option, name }] });
      const told =
        error instanceof InvalidOptionError && error.option === given && error.rule.includes(`"${option.name}"`);
      // A point of a log, such as `{ timestamp }`, is no object of options.
      const parent =
        attempt.path.length > 2 &&
        error instanceof InvalidOptionError &&
        error.option === nameOf(attempt).split('.')[0];
      if (!told && !parent) faults.push(`${attempt.of.name} ${nameOf(attempt)} as ${name}: ${String(error)}`);
    }
    expect(faults).toEqual([]);
  });
});

/** What is wrong with the outcome of a call; `undefined` where nothing is. */
function faultOf(attempt: Attempt, value: unknown, error: unknown): string | undefined {
  const option = attempt.path.at(-1) as DeclaredOption;
  const bad = value === undefined || verdict(value, option) === 'bad';
  if (error === undefined) return bad ? 'accepted' : undefined;
  if (!(error instanceof DStreamError)) return `another error: ${String(error)}`;
  if (!attempt.of.throws.includes(error.name)) return `an error without @throws: ${String(error)}`;
  if (!(error instanceof InvalidOptionError)) return undefined;
  if (error.owner.toLowerCase() !== attempt.of.name.toLowerCase()) return `another owner: ${error.message}`;
  if (!bad) return undefined;
  if (!isNamed(error, attempt)) return `another option: ${error.message}`;
  if (error.rule === '') return `no rule: ${error.message}`;
  const secret = /token|password|secret|integrityKey/.test(error.option);
  if (error.option === nameOf(attempt) && !secret && !Object.is(error.value, value))
    return `another value: ${error.message}`;
  return undefined;
}

/** Whether the error names the option, what is inside of it, or the point of a log that it is a part of. */
function isNamed({ option }: InvalidOptionError, attempt: Attempt): boolean {
  const name = nameOf(attempt);
  const [outermost] = name.split('.');
  // An empty object of options lacks those that are required.
  if (attempt.path.length === 1 && attempt.path[0]?.fields.some((field) => field.name === option)) return true;
  return option === name || option.startsWith(`${name}.`) || option.startsWith(`${name}[`) || option === outermost;
}

/** As an error names it: without the parameter `options`. */
function nameOf({ path }: Attempt): string {
  const names = path.map(({ name }) => name);
  return (names.length > 1 ? names.slice(1) : names).join('.');
}

function withValue({ of, path, index }: Attempt, value: unknown, name?: string): readonly unknown[] {
  const args = [...(validArguments[of.name]?.() ?? [])];
  args[index] = path.length === 1 && name === undefined ? value : changed(args[index], path.slice(1), value, name);
  return args;
}

function changed(
  object: unknown,
  [first, ...deeper]: readonly DeclaredOption[],
  value: unknown,
  name?: string,
): unknown {
  if (first === undefined) return value;
  const own = object as Readonly<Record<string, unknown>> | undefined;
  if (deeper.length === 0) {
    if (name === undefined) return { ...own, [first.name]: value };
    const { [first.name]: _, ...others } = own ?? {};
    return { ...others, [name]: value };
  }
  const inside =
    own?.[first.name] ??
    Object.fromEntries(first.fields.filter(({ required }) => required).map((f) => [f.name, sample(f)]));
  return { ...own, [first.name]: changed(inside, deeper, value, name) };
}

async function errorOf({ entry, name, isClass }: DeclaredFunction, args: readonly unknown[]): Promise<unknown> {
  const call = modules[entry]?.[name] as new (...args: readonly unknown[]) => unknown;
  try {
    const result = isClass ? new call(...args) : (call as unknown as (...args: readonly unknown[]) => unknown)(...args);
    if (!(result instanceof Promise)) return undefined;
    const opened = (await result) as { close?(): unknown } | undefined;
    await opened?.close?.();
    return undefined;
  } catch (error) {
    return error ?? new Error('nothing was thrown');
  }
}

function shown(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  return typeof value === 'string' || (typeof value === 'object' && value !== null)
    ? JSON.stringify(value)
    : String(value);
}
