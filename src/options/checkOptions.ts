import { InvalidOptionError } from '../batch/errors.js';
import type { OptionCheck } from './checks.js';
import { nearestName } from './nearestName.js';

/** A check for each option: one that is added to the interface does not compile before it has its check. */
export type OptionChecks<O> = { readonly [Name in keyof O]-?: OptionCheck | RequiredCheck };

interface RequiredCheck {
  readonly required: OptionCheck;
}

/** For an option that may not be left out. */
export function required(check: OptionCheck): RequiredCheck {
  return { required: check };
}

/**
 * Checks all options of a function before it uses any of them. `at` is where they are: `options`, or the option that holds them, whose
 * own options are named behind a dot.
 *
 * @throws {InvalidOptionError} naming the owner, the option, its value and the rule; for an option that does not exist, the nearest
 * name that does
 */
export function checkOptions<O>(owner: string, options: O, checks: NoInfer<OptionChecks<O>>, at?: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidOptionError(owner, at ?? 'options', options, 'must be an object');
  }
  const given = options as Readonly<Record<string, never>>;
  const inside = at === undefined ? '' : `${at}.`;
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(checks, name)) {
      const rule = `is not an option${suggestion(name, Object.keys(checks))}`;
      throw new InvalidOptionError(owner, `${inside}${name}`, shown(name, given[name]), rule);
    }
  }
  for (const [name, check] of Object.entries<OptionCheck | RequiredCheck>(checks)) {
    const value = given[name] as never;
    if (typeof check !== 'function') check.required(owner, `${inside}${name}`, value);
    else if (value !== undefined) check(owner, `${inside}${name}`, value);
  }
}

/** For an option that holds others. */
export function shape<O>(checks: OptionChecks<O>): OptionCheck {
  return (owner, option, value) => checkOptions<O>(owner, value, checks, option);
}

/** The value of an option that does not exist, unless it may be a misspelt one that holds a secret. */
function shown(name: string, value: unknown): unknown {
  const secret = /key|secret|token|password/i.test(name) && ['string', 'object'].includes(typeof value);
  return secret ? 'not shown' : value;
}

function suggestion(name: string, names: readonly string[]): string {
  const nearest = nearestName(name, names);
  return nearest === undefined ? `: the options are ${names.join(', ')}` : `: did you mean "${nearest}"?`;
}
