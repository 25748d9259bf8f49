import type { DeclaredOption, Values } from './declaredOptions.js';

/** Values of every kind; for any option most of them are bad. */
export const pool: readonly unknown[] = [
  null,
  Number.NaN,
  -1,
  1.5,
  Infinity,
  2 ** 53,
  '',
  'bogus',
  true,
  5n,
  Symbol('bad'),
  {},
  [],
  () => undefined,
];

/**
 * What is known of a value for an option by its declaration alone: it must be refused, or it may be. The type decides; a number that is
 * not a number, a negative one, an infinite one and an empty text are bad too, unless the docstring says what they mean.
 */
export function verdict(value: unknown, option: DeclaredOption): 'bad' | 'unknown' {
  if (option.values.any) return 'unknown';
  return fits(value, option.values) && !isOutOfRange(value, option) ? 'unknown' : 'bad';
}

function fits(value: unknown, { kinds, literals, objects }: Values): boolean {
  if (value === null) return kinds.has('null');
  if (typeof value === 'string' && literals.has(value)) return true;
  if (typeof value === 'function') return kinds.has('function') || objects.some((needed) => needed.length === 0);
  if (Array.isArray(value)) {
    return (
      kinds.has('array') || objects.some((needed) => needed.every((name) => name in value || name.startsWith('__@')))
    );
  }
  if (typeof value === 'object') return objects.some((needed) => needed.length === 0);
  if (typeof value === 'string' && objects.some((needed) => needed.some((name) => name.startsWith('__@iterator'))))
    return true;
  return kinds.has(typeof value as 'number');
}

function isOutOfRange(value: unknown, { text, values }: DeclaredOption): boolean {
  if (value === '') return values.kinds.has('string');
  if (typeof value !== 'number') return false;
  if (Number.isNaN(value)) return true;
  if (value === Infinity) return !/Infinity|no limit/.test(text);
  return value < 0 && !/negative|below 0|any sign/.test(text);
}

/** The name with its first two different neighbours swapped, or with a letter too many. */
export function misspelt(name: string): string {
  for (let i = 1; i + 1 < name.length; i++) {
    if (name[i] === name[i + 1]) continue;
    return `${name.slice(0, i)}${name[i + 1]}${name[i]}${name.slice(i + 2)}`;
  }
  return `${name}s`;
}

/** Something that an option accepts, for those beside the one that is tried. */
export function sample({ values }: DeclaredOption): unknown {
  const [literal] = values.literals;
  if (literal !== undefined) return literal;
  if (values.kinds.has('number')) return 1;
  if (values.kinds.has('string')) return 'text';
  if (values.kinds.has('boolean')) return true;
  if (values.kinds.has('function')) return () => undefined;
  return undefined;
}
