import { InvalidOptionError, mapWithState, runningReduce, updateStateByKey } from 'dstream';
import { describe, expect, it } from 'vitest';

describe('the version of a state', () => {
  // Stores keep it as an integer: another would come back as a different one, or not be written at all.
  it.each([-1, 0.5, Number.NaN, Infinity])('cannot be %s', (version) => {
    expect(() => updateStateByKey(() => 1, { id: 'a', version })).toThrow(InvalidOptionError);
    expect(() => mapWithState(() => 1, { id: 'a', version })).toThrow(InvalidOptionError);
    expect(() => runningReduce<number, number>((a, b) => a + b, { id: 'a', initial: 0, version })).toThrow(
      InvalidOptionError,
    );
  });
});
