import { describe, expect, it } from 'vitest';
import { OffsetChecks } from '../../../../src/sources/kafka/kafkajs/offsetChecks.js';
import { batchAt } from '../../../support/scriptedCluster.js';

const joined = (...batches: readonly Buffer[]) => Buffer.concat(batches);
/** A batch of ten records whose base offset was changed. */
const moved = (from: number, to: number) => {
  const batch = batchAt(from, 10);
  batch.writeBigInt64BE(BigInt(to));
  return batch;
};

describe('base offsets', () => {
  it('that follow each other are trusted, and a first batch that begins before the offset asked for', () => {
    const checks = new OffsetChecks();
    const bytes = joined(batchAt(0, 10), batchAt(10, 10));
    expect(checks.trusted('t/0', 0, bytes)).toBe(bytes);
    expect(checks.trusted('t/0', 4, bytes)).toBe(bytes);
  });

  it('that are damaged are not read: the batches before them are, and then the fetch is repeated', () => {
    const checks = new OffsetChecks();
    const first = batchAt(0, 10);
    expect(checks.trusted('t/0', 0, joined(first, moved(10, 18)))).toEqual(first);
    checks.accepted('t/0', 10);
    expect(checks.trusted('t/0', 10, moved(10, 18))).toHaveLength(0);
    const right = batchAt(10, 10);
    expect(checks.trusted('t/0', 10, right)).toBe(right);
  });

  it('that lie before the end of the last batch are not read, though a fetch may begin in the middle of one', () => {
    const checks = new OffsetChecks();
    checks.accepted('t/0', 20);
    expect(checks.trusted('t/0', 20, moved(20, 12))).toHaveLength(0);
    const other = moved(20, 12);
    expect(checks.trusted('t/1', 20, other)).toBe(other);
  });

  it('of two batches that overlap are both in doubt', () => {
    const checks = new OffsetChecks();
    const first = batchAt(0, 10);
    const bytes = joined(first, moved(10, 13), batchAt(20, 10));
    expect(checks.trusted('t/0', 0, bytes)).toEqual(first);
    const overlap = joined(first, batchAt(10, 10), moved(20, 15));
    expect(checks.trusted('t/0', 0, overlap)).toEqual(first);
  });

  it('with a gap that two fetches agree on are those of a compacted topic: gaps are normal from then on', () => {
    const checks = new OffsetChecks();
    checks.accepted('t/0', 10);
    const gap = joined(batchAt(14, 2), batchAt(20, 2));
    expect(checks.trusted('t/0', 10, gap)).toHaveLength(0);
    expect(checks.trusted('t/0', 10, gap)).toBe(gap);
    const next = batchAt(40, 1);
    expect(checks.trusted('t/0', 22, next)).toBe(next);
  });

  it('with two gaps, at which two sources are in turn, are believed too', () => {
    const checks = new OffsetChecks();
    const [here, there] = [batchAt(14, 2), batchAt(34, 2)];
    expect(checks.trusted('t/0', 10, here)).toHaveLength(0);
    expect(checks.trusted('t/0', 30, there)).toHaveLength(0);
    expect(checks.trusted('t/0', 10, here)).toBe(here);
    expect(checks.trusted('t/0', 30, there)).toBe(there);
  });
});
