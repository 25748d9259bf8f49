import {
  foreachBatch,
  type LogBatchesOptions,
  type LogClient,
  logBatches,
  memoryCheckpoint,
  memoryLog,
  string,
} from 'dstream';
import { faultyLog } from 'dstream/testing';
import { EMPTY } from 'rxjs';
import type { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

/** Reads until a time, under a group; notes the records that came. */
function read(
  log: LogClient,
  scheduler: TestScheduler,
  until: number,
  options: Partial<LogBatchesOptions<string | null>>,
): readonly unknown[] {
  const records: unknown[] = [];
  const stream = logBatches<string | null>(log, {
    topics: ['t'],
    groupId: 'g',
    interval: 10,
    deserialize: string(),
    ...options,
  });
  stream.pipe(foreachBatch((batch) => void records.push(...batch))).subscribe({ error: (e) => records.push(e.code) });
  scheduler.schedule(() => void stream.stop(), until);
  return records;
}

describe('positions of a log', () => {
  const given = [{ topic: 't', partition: 1, offset: 1 }];
  it.each([
    ['the group', 'latest', undefined, ['b', 'c']],
    ['the group, whatever start says', 'committed', undefined, ['b', 'c']],
    ['the checkpoint', 'latest', memoryCheckpoint(), ['b', 'c']],
    ['the checkpoint, but for an offset that is given', given, memoryCheckpoint(), ['c']],
  ] as const)('a partition that came meanwhile is read from the earliest: by %s', (_, start, checkpoint, expected) => {
    const log = memoryLog({ topics: { t: 1 } });
    log.append('t', [{ value: 'a' }]);
    const options = checkpoint ? { checkpoint } : {};
    let records: readonly unknown[] = [];
    virtual((scheduler) => {
      read(log, scheduler, 15, { start: 'latest', ...options });
      scheduler.schedule(() => {
        log.createTopic('t', 2);
        log.append(
          't',
          ['b', 'c'].map((value) => ({ value, partition: 1 })),
        );
        records = read(log, scheduler, 15, { start, ...options });
      }, 40);
    });
    expect(records).toEqual(expected);
  });

  it.each([
    ['topics', 't', 'topics ("t") must be a list'],
    ['topics', [''], 'topics ("") must be a non-empty string or a RegExp'],
    ['partitions', [{ topic: 't' }], 'must have a topic and a partition number'],
    ['partitions', [0, 0].map((partition) => ({ topic: 't', partition })), 'must name each partition once'],
    ['start', [{ topic: 't', offset: 1 }], 'start ({"topic":"t","offset":1}) must have a topic and a partition'],
    ['start', [{ topic: 't', partition: 0, offset: -1 }], 'start (-1) must have offsets'],
    ['invalidRecords', () => {}, 'invalidRecords.next (undefined) must be a function'],
  ])('%s that cannot be are refused at once: %j', (option, value, message) => {
    const selection = option === 'partitions' ? {} : { topics: ['t'] };
    const options = { interval: 10, deserialize: string(), ...selection, [option]: value };
    expect(() => logBatches(memoryLog(), options as never)).toThrow(message);
  });

  it('a topic of which nothing is known begins where start says', () => {
    const log = memoryLog({ topics: { t: 1, u: 1 } });
    log.append('u', [{ value: 'old' }]);
    let records: readonly unknown[] = [];
    virtual((scheduler) => {
      read(log, scheduler, 15, {});
      scheduler.schedule(() => (records = read(log, scheduler, 25, { topics: ['t', 'u'] })), 40);
      scheduler.schedule(() => void log.append('u', [{ value: 'new' }]), 55);
    });
    expect(records).toEqual(['new']);
  });

  it('every offset is committed again once in an hour: Kafka forgets one that does not move', () => {
    const log = memoryLog({ topics: { t: 2 } });
    log.append('t', [{ value: 'a' }]);
    const commits: number[] = [];
    const commit: LogClient['commit'] = (_, positions) => {
      commits.push(positions.length);
      return EMPTY;
    };
    virtual((scheduler) => {
      const noting = { ...faultyLog(log, () => undefined), commit };
      read(noting, scheduler, 6_000_001, { start: 'earliest', interval: 1_200_000 });
      scheduler.schedule(() => void log.append('t', [{ value: 'b' }]), 2_000_000);
    });
    expect(commits).toEqual([2, 1, 2]);
  });
});
