import { fromBatches, InvalidOptionError } from 'dstream';
import { describe, expect, it } from 'vitest';
import { checkOptions, type OptionChecks, required, shape } from '../../src/options/checkOptions.js';
import { checkPositive, checkText, oneOf } from '../../src/options/checks.js';
import { nearestName } from '../../src/options/nearestName.js';
import { withDefaults } from '../../src/options/withDefaults.js';

interface Options {
  readonly window: number;
  readonly id?: string;
  readonly mode?: 'fast' | 'safe';
  readonly retry?: { readonly count: number };
}

const checks: OptionChecks<Options> = {
  window: required(checkPositive),
  id: checkText,
  mode: oneOf('fast', 'safe'),
  retry: shape<{ count: number }>({ count: required(checkPositive) }),
};
const refusal = (options: unknown): string => {
  try {
    checkOptions('window', options as Options, checks);
    return 'accepted';
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionError);
    return (error as Error).message;
  }
};

describe('checkOptions', () => {
  it('accepts what the checks allow, and undefined for what may be left out', () => {
    expect(refusal({ window: 5, id: undefined, mode: 'safe', retry: { count: 1 } })).toBe('accepted');
  });

  it('names the option inside of another', () => {
    expect(refusal({ window: 5, retry: { count: 0 } })).toBe(
      'window: retry.count (0) must be a finite number greater than 0',
    );
    expect(refusal({ window: 5, retry: 3 })).toBe('window: retry (3) must be an object');
  });

  it('refuses what is missing, and what is no object', () => {
    expect(refusal({})).toBe('window: window (undefined) must be a finite number greater than 0');
    for (const none of [undefined, null, 5, []])
      expect(refusal(none)).toMatch(/^window: options \(.*\) must be an object$/);
  });

  it('suggests the nearest name for one that does not exist', () => {
    expect(refusal({ windw: 5 })).toBe('window: windw (5) is not an option: did you mean "window"?');
    expect(refusal({ window: 5, retry: { cuont: 5 } })).toBe(
      'window: retry.cuont (5) is not an option: did you mean "count"?',
    );
  });

  it('lists the names where none is near', () => {
    expect(refusal({ window: 5, parallelism: 2 })).toBe(
      'window: parallelism (2) is not an option: the options are window, id, mode, retry',
    );
  });

  it('takes names of Object for names', () => {
    const inherited = JSON.parse('{ "window": 5, "__proto__": 1, "constructor": 1 }') as unknown;
    expect(refusal(inherited)).toMatch(/^window: __proto__ \(1\) is not an option/);
    expect(refusal({ window: 5, constructor: 1 })).toMatch(/^window: constructor \(1\) is not an option/);
  });
});

it('finds the nearest name by added, missing, replaced and swapped letters, in any case', () => {
  const names = ['minRate', 'maxRate', 'id', 'interval'];
  expect(
    ['minrate', 'maxxRate', 'intervla', 'nterval', 'ids', 'entirely'].map((name) => nearestName(name, names)),
  ).toEqual(['minRate', 'maxRate', 'interval', 'interval', 'id', undefined]);
});

it('lets undefined leave a default as it is', () => {
  const options: { readonly a?: number | undefined; readonly b?: number } = { a: undefined, b: 3 };
  expect(withDefaults({ a: 1, b: 2 }, options)).toEqual({ a: 1, b: 3 });
});

it('checks the options of stop', async () => {
  const stream = fromBatches([['a']], { interval: 5 });
  const stop = (options: unknown) => stream.stop(options as { drainTimeout: number });
  await expect(stop({ drainTimeout: -1 })).rejects.toThrow(
    'stop: drainTimeout (-1) must be a finite number of at least 0',
  );
  await expect(stop({ drainTimout: 1 })).rejects.toThrow(
    'stop: drainTimout (1) is not an option: did you mean "drainTimeout"?',
  );
  await expect(stop(null)).rejects.toThrow('stop: options (null) must be an object');
});
