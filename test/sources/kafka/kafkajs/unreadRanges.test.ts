import { expect, it } from 'vitest';
import { UnreadRanges } from '../../../../src/sources/kafka/kafkajs/unreadRanges.js';

const range = (from: number, until: number, reason = 'its checksum is wrong') => ({ from, until, reason });

it('believes what a second fetch brings as well', () => {
  const unread = new UnreadRanges(() => {});
  expect(unread.believes(range(3, 5))).toBe(false);
  expect(unread.believes(range(3, 5, 'its checksum is another'))).toBe(false);
  expect(unread.believes(range(3, 6, 'its checksum is another'))).toBe(false);
  expect(unread.believes(range(3, 6, 'its checksum is another'))).toBe(true);
});

it('goes on offset by offset, and tells one range', () => {
  const told: unknown[] = [];
  const unread = new UnreadRanges((records) => told.push(records));
  for (let fetch = 0; fetch < 2; fetch++) unread.believes(range(3, 4));
  unread.pass(range(3, 4));
  for (const from of [4, 5]) {
    expect(unread.believes(range(from, from + 1))).toBe(true);
    unread.pass(range(from, from + 1));
  }
  expect(unread.believes(range(7, 9))).toBe(false);
  expect(told).toEqual([]);
  unread.pass(range(7, 9));
  expect(told).toEqual([range(3, 6)]);
  unread.end();
  unread.end();
  expect(told).toEqual([range(3, 6), range(7, 9)]);
});
