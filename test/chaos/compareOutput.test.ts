import { describe, expect, it } from 'vitest';
import { compareOutput } from './compareOutput.js';
import type { ReadRecord } from './consoleConsumer.js';

const input: readonly ReadRecord[] = [
  { partition: 0, offset: 0, value: '0' },
  { partition: 0, offset: 1, value: 'unreadable 1' },
  { partition: 0, offset: 3, value: '2' },
  { partition: 1, offset: 0, value: 'poison 3' },
  { partition: 1, offset: 1, value: '4' },
];
const row = (partition: number, offset: number, value: string, n: number) => ({ partition, offset, value, n });
const whole = [row(0, 0, '0', 1), row(0, 3, '2', 2), row(1, 1, '4', 1)];

describe('compareOutput', () => {
  it('accepts each readable record once, in any order', () => {
    expect(compareOutput(input, [...whole].reverse(), true)).toEqual({
      ...{ records: 3, lost: [], doubled: [], miscounted: [] },
    });
  });

  it.each([
    ['a record that is missing', whole.slice(1), { lost: ['0/0 0'], doubled: [], miscounted: [] }],
    ['a record that is there twice', [...whole, row(1, 1, '4', 1)], { lost: [], doubled: ['1/1 4'], miscounted: [] }],
    [
      'a record with the offset of another',
      [...whole.slice(1), row(0, 1, '0', 1)],
      { lost: ['0/0 0'], doubled: ['0/1 0'], miscounted: [] },
    ],
    [
      'what should have been left out',
      [...whole, row(1, 0, 'poison 3', 1)],
      { lost: [], doubled: ['1/0 poison 3'], miscounted: [] },
    ],
    [
      'a number that counts a record twice',
      [...whole.slice(0, 2), row(1, 1, '4', 2)],
      { lost: [], doubled: [], miscounted: ['1/1 4: 2 instead of 1'] },
    ],
  ])('finds %s', (_, output, expected) => {
    expect(compareOutput(input, output, true)).toMatchObject(expected);
  });

  it('leaves numbers alone where no state is kept', () => {
    expect(compareOutput(input, [row(0, 0, '0', 9), ...whole.slice(1)], false).miscounted).toEqual([]);
  });
});
