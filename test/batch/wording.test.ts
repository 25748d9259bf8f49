import { InvalidOptionError } from 'dstream';
import { expect, it } from 'vitest';

it.each([
  ['a text', 'a "b"', '"a \\"b\\""'],
  ['a long text', 'x'.repeat(200), `"${'x'.repeat(96)}...`],
  ['a number', Number.NaN, 'NaN'],
  ['a bigint', 5n, '5n'],
  ['nothing', undefined, 'undefined'],
  ['an object', { a: [1] }, '{"a":[1]}'],
  ['a pattern', /^a/i, '/^a/i'],
  ['a function', function named() {}, 'function named'],
])('an error shows %s as itself, in short', (_, value, shown) => {
  expect(new InvalidOptionError('owner', 'option', value, 'is shown').message).toBe(
    `owner: option (${shown}) is shown`,
  );
});

it('an error shows an object that has no end by its kind', () => {
  const ring: { self?: unknown } = {};
  ring.self = ring;
  expect(new InvalidOptionError('owner', 'option', ring, 'is shown').message).toBe(
    'owner: option ([object Object]) is shown',
  );
});
