import { type BatchInfo, foreachBatch } from 'dstream';
import fc from 'fast-check';
import { NEVER, timer } from 'rxjs';
import type { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { batchesOf } from '../../../src/driver/batchesOf.js';
import { resolveDriverOptions } from '../../../src/driver/driverOptions.js';
import { resolvedLogSource } from '../../../src/sources/log/resolvedLogSource.js';
import { resolveLogSourceOptions } from '../../../src/sources/log/resolveLogSourceOptions.js';
import { type BudgetMember, SharedBudget } from '../../../src/sources/log/sharedBudget.js';
import { propertySettings } from '../../property/settings.js';
import { BatchedLog } from '../../support/batchedLog.js';
import { virtual } from '../../support/virtual.js';

const minBytes = 10;

/** A stream that reads so many bytes, in pieces, and consumes what it holds when it is told to. */
class Reader {
  held = 0;
  left: number;
  /** What its batch waits for: it is not discarded. */
  pinned = 0;
  readonly member: BudgetMember;

  constructor(
    budget: SharedBudget,
    left: number,
    readonly max = Infinity,
  ) {
    this.left = left;
    this.member = budget.join({
      discard: (bytes) => {
        const discarded = Math.max(Math.min(bytes, this.held - this.pinned), 0);
        this.held -= discarded;
        this.left += discarded;
        this.read();
      },
      resume: () => this.read(),
    });
  }

  read(most = Infinity): void {
    const wanted = Math.min(this.left, most);
    const allowed = this.member.ask({ held: this.held, wanted, max: this.max });
    const got = Math.max(Math.min(wanted, allowed - this.held), 0);
    this.held += got;
    this.left -= got;
    this.member.settle(this.held, wanted - got);
  }

  consume(bytes = Infinity): void {
    this.held -= Math.min(bytes, this.held);
    this.pinned = Math.min(this.pinned, this.held);
    this.read();
  }
}

/** A budget whose turns are run one by one. */
function budgetOf(maxBytes: number) {
  const turns: (() => void)[] = [];
  const budget = new SharedBudget(maxBytes, { minBytes, later: (work) => turns.push(work) });
  const settle = () => {
    for (let turn = 0; turns.length > 0; turn++) {
      expect(turn).toBeLessThan(1_000);
      turns.shift()?.();
    }
  };
  return { budget, settle };
}

describe('a shared budget', () => {
  it('is all of one stream while the others want nothing', () => {
    const { budget, settle } = budgetOf(100);
    const [one, idle] = [new Reader(budget, 1_000), new Reader(budget, 0)];
    idle.read();
    one.read();
    settle();
    expect([one.held, idle.held]).toEqual([90, 0]);
    expect(budget.bytes).toEqual({ maxBytes: 100, usedBytes: 90, sources: 2 });
  });

  it('comes to equal shares when others want it too, by what no batch waits for', () => {
    const { budget, settle } = budgetOf(120);
    const greedy = new Reader(budget, 1_000);
    greedy.read();
    expect(greedy.held).toBe(120);
    const others = [new Reader(budget, 1_000), new Reader(budget, 1_000)];
    for (const other of others) other.read();
    // Their minimum at once.
    expect(others.map(({ held }) => held)).toEqual([minBytes, minBytes]);
    settle();
    expect([greedy, ...others].map(({ held }) => held)).toEqual([40, 40, 40]);
  });

  it('leaves the batch of a stalled stream alone, and lets the others go on within what is left', () => {
    const { budget, settle } = budgetOf(120);
    const stalled = new Reader(budget, 120);
    stalled.read();
    stalled.pinned = 120;
    const other = new Reader(budget, 300);
    other.read();
    settle();
    expect([stalled.held, other.held]).toEqual([120, minBytes]);
    for (let turn = 0; turn < 30; turn++) {
      other.consume();
      settle();
    }
    expect([other.left, other.held]).toEqual([0, 0]);
  });

  it('wakes those that were refused when a stream ends', () => {
    const { budget, settle } = budgetOf(100);
    const first = new Reader(budget, 100);
    first.read();
    first.pinned = 100;
    const second = new Reader(budget, 100);
    second.read();
    settle();
    expect(second.held).toBe(minBytes);
    first.member.leave();
    settle();
    expect(second.held).toBe(100);
  });

  it('is never exceeded but by minimums, and lets every stream read to its end', () => {
    const stream = fc.record({
      left: fc.integer({ min: 0, max: 500 }),
      max: fc.option(fc.integer({ min: 1, max: 200 }), { nil: Infinity }),
      late: fc.boolean(),
      stalled: fc.boolean(),
    });
    const acts = fc.array(
      fc.record({
        who: fc.nat(7),
        act: fc.constantFrom('read', 'consume', 'pin'),
        bytes: fc.integer({ min: 1, max: 80 }),
        settle: fc.boolean(),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.array(stream, { minLength: 1, maxLength: 8 }),
        acts,
        (maxBytes, streams, todo) => {
          const { budget, settle } = budgetOf(maxBytes);
          const readers: Reader[] = [];
          const join = (late: boolean) => {
            for (const one of streams) if (one.late === late) readers.push(new Reader(budget, one.left, one.max));
          };
          const check = () => {
            const held = readers.reduce((sum, reader) => sum + reader.held, 0);
            expect(budget.bytes.usedBytes).toBe(held);
            const minimums = readers.reduce((sum, { max }) => sum + Math.min(minBytes, max), 0);
            expect(held).toBeLessThanOrEqual(maxBytes + minimums);
            if (readers.length === streams.filter(({ late }) => !late).length)
              expect(held).toBeLessThanOrEqual(Math.max(maxBytes, minimums));
          };
          join(false);
          const half = Math.floor(todo.length / 2);
          for (const [i, { who, act, bytes, settle: isSettled }] of todo.entries()) {
            if (i === half) join(true);
            const reader = readers[who % Math.max(readers.length, 1)];
            if (act === 'read') reader?.read(bytes);
            else if (act === 'consume') reader?.consume(bytes);
            else if (reader) reader.pinned = reader.held;
            if (isSettled) settle();
            check();
          }
          if (todo.length === 0) join(true);
          const stalled = new Set(readers.filter((_, i) => streams[i]?.stalled));
          for (const reader of readers) {
            reader.read();
            if (stalled.has(reader)) reader.pinned = reader.held;
          }
          settle();
          const working = readers.filter((reader) => !stalled.has(reader));
          // Those that hold nothing wait until they are woken.
          for (let turn = 0; working.some(({ held }) => held > 0); turn++) {
            if (turn > 10_000) throw new Error('it does not end');
            for (const reader of working) if (reader.held > 0) reader.consume();
            settle();
            check();
          }
          expect(working.map(({ left }) => left)).toEqual(working.map(() => 0));
        },
      ),
      propertySettings(200),
    );
  });
});

describe('streams with one budget', () => {
  const recordBytes = 200;
  const records = 400;
  const budgetBytes = 20_000;
  const endMs = 1_200;

  interface Run {
    readonly read: readonly number[];
    readonly peak: number;
    readonly largest: number;
    readonly failures: readonly unknown[];
  }

  /** Streams over a log each. `works` is how long an output of each takes, in ms. */
  function run(works: readonly number[], minimum: number): Run {
    const read = works.map(() => 0);
    const failures: unknown[] = [];
    let peak = 0;
    let largest = 0;
    virtual((scheduler: TestScheduler) => {
      const budget = new SharedBudget(budgetBytes, {
        minBytes: minimum,
        later: (work) => void scheduler.schedule(work),
      });
      for (const [i, work] of works.entries()) {
        const partitions = [0, 1].map(() => Array.from({ length: records / 4 }, () => [recordBytes, recordBytes]));
        const log = new BatchedLog({ topic: 't', partitions, scheduler, latency: 3 });
        largest = Math.max(largest, log.largest);
        const options = resolveLogSourceOptions('logBatches', {
          topics: ['t'],
          start: 'earliest',
          deserialize: String,
        });
        const driver = resolveDriverOptions('logBatches', {
          interval: 10,
          batchObserver: {
            next: ({ inputs }: BatchInfo) => {
              read[i] = (read[i] ?? 0) + (inputs.log?.records ?? 0);
            },
          },
          scheduler,
        });
        const stream = batchesOf(
          'log',
          resolvedLogSource('logBatches', () => log, { ...options, budget }),
          driver,
        );
        const output = foreachBatch(() => (Number.isFinite(work) ? timer(work, scheduler) : NEVER));
        stream.pipe(output).subscribe({ error: (error: unknown) => failures.push(error) });
        scheduler.schedule(() => void stream.stop({ drainTimeout: 0 }), endMs);
      }
      const watch = (): void => {
        peak = Math.max(peak, budget.bytes.usedBytes);
        if (scheduler.now() < endMs) scheduler.schedule(watch, 1);
      };
      watch();
    });
    return { read, peak, largest, failures };
  }

  it('stay within it and read everything, also beside one whose output hangs', () => {
    const { read, peak, largest, failures } = run([0, 25, Infinity], 1_000);
    expect(failures).toEqual([]);
    expect(read.slice(0, 2)).toEqual([records, records]);
    expect(peak).toBeGreaterThan(1_000);
    // One record batch beyond what was asked for, by each broker.
    expect(peak).toBeLessThanOrEqual(budgetBytes + 3 * largest);
  });
});
