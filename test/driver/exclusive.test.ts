import {
  type Checkpoint,
  foreachBatch,
  type GroupEvent,
  type LogClient,
  memoryCheckpoint,
  memoryLog,
  string,
} from 'dstream';
import { memoryGroup } from 'dstream/testing';
import { from, type Observer, type SchedulerLike, Subscription } from 'rxjs';
import type { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { batchesOf } from '../../src/driver/batchesOf.js';
import type { BatchStream } from '../../src/driver/batchStream.js';
import { resolveDriverOptions } from '../../src/driver/driverOptions.js';
import { streamOwnership } from '../../src/sources/group/memberOwnership.js';
import { resolvedLogSource } from '../../src/sources/log/resolvedLogSource.js';
import { resolveLogSourceOptions } from '../../src/sources/log/resolveLogSourceOptions.js';
import { logLike } from '../support/logLike.js';
import { StoppableProcess } from '../support/stoppableProcess.js';
import { virtual } from '../support/virtual.js';

const interval = 100;
const sessionTimeout = 1_000;

/** Processes that are members of one group and write what they read into one list, under one checkpoint. */
class Cluster {
  readonly scheduler: TestScheduler;
  readonly log;
  readonly group;
  readonly written: string[] = [];
  readonly events: GroupEvent[] = [];
  readonly #checkpoint: Checkpoint | undefined;
  #sent = 0;

  constructor(scheduler: TestScheduler, checkpoint?: Checkpoint) {
    this.scheduler = scheduler;
    this.log = memoryLog({ topics: { words: 2 }, scheduler });
    this.group = memoryGroup({ log: this.log, scheduler });
    this.#checkpoint = checkpoint;
    const send = (): void => {
      this.log.append('words', [{ value: String(this.#sent++) }]);
      if (this.#sent < 60) scheduler.schedule(send, interval);
    };
    send();
  }

  /** A log whose commits are checked as a broker checks them. */
  get client(): LogClient {
    const { log, group } = this;
    return logLike(log, {
      commit: (groupId, positions, member) => {
        group.checkCommit(groupId, member?.());
        return log.commit(groupId, positions);
      },
    });
  }

  start(name: string, more: { instanceId?: string; effect?: (records: readonly string[]) => unknown } = {}): Life {
    const process = new StoppableProcess(this.scheduler);
    const scheduler: SchedulerLike = process;
    const source = resolveLogSourceOptions('logBatches', {
      topics: ['words'],
      groupId: 'job',
      start: 'earliest',
      deserialize: string(),
    });
    const ownership = streamOwnership(() => process.connected(this.group.client()), {
      ...{ groupId: 'job', instanceId: more.instanceId, topics: ['words'], processId: name, sessionTimeout, scheduler },
      ...{ heartbeatInterval: 100, discoverInterval: 30_000, retryTimeout: 60_000, drainMs: 500 },
      groupObserver: { next: (event) => this.events.push(event) },
      warn: () => {},
    });
    const stream = batchesOf(
      'log',
      resolvedLogSource('logBatches', () => this.client, source),
      resolveDriverOptions('logBatches', {
        interval,
        scheduler,
        ...(this.#checkpoint && { checkpoint: this.#checkpoint }),
      }),
      ownership,
    );
    const life = new Life(process, stream as BatchStream<string>, this.scheduler);
    life.subscribe((records) => {
      if (more.effect) return more.effect(records) as undefined;
      this.written.push(...records);
      return undefined;
    });
    return life;
  }

  at(time: number, work: () => void): void {
    this.scheduler.schedule(work, time);
  }
}

class Life {
  error: unknown;
  completed = false;
  batches = 0;
  constructor(
    readonly process: StoppableProcess,
    readonly stream: BatchStream<string>,
    readonly scheduler: TestScheduler,
  ) {}
  #subscription = new Subscription();

  subscribe(effect: (records: readonly string[]) => undefined): void {
    const observer: Partial<Observer<unknown>> = {
      next: () => this.batches++,
      error: (error) => {
        this.error = error;
      },
      complete: () => {
        this.completed = true;
      },
    };
    this.#subscription = this.stream.pipe(foreachBatch((records) => effect(records))).subscribe(observer);
  }

  unsubscribe(): void {
    this.#subscription.unsubscribe();
  }
}

const all = Array.from({ length: 60 }, (_, i) => String(i));
const sorted = (values: readonly string[]) => [...values].sort((a, b) => Number(a) - Number(b));

describe('membership: exclusive', () => {
  it('lets one process work, and the other when the first stops', () => {
    virtual((scheduler) => {
      const cluster = new Cluster(scheduler);
      const first = cluster.start('first');
      let second: Life | undefined;
      cluster.at(500, () => {
        second = cluster.start('second');
      });
      cluster.at(2_000, () => {
        expect(second?.batches).toBe(0);
        expect(second?.stream.snapshot()?.status).toBe('connecting');
        void first.stream.stop();
      });
      cluster.at(7_000, () => {
        expect(first.completed).toBe(true);
        expect(first.batches + (second?.batches ?? 0)).toBeGreaterThan(60);
        expect(sorted(cluster.written)).toEqual(all);
        second?.unsubscribe();
      });
    });
  });

  it('goes on where a process was that was killed, when its session is over', () => {
    virtual((scheduler) => {
      const cluster = new Cluster(scheduler, memoryCheckpoint());
      const first = cluster.start('first');
      const second = cluster.start('second');
      cluster.at(2_000, () => first.process.kill());
      cluster.at(2_900, () => expect(second.batches).toBe(0));
      cluster.at(2_000 + sessionTimeout + 3 * interval, () => expect(second.batches).toBeGreaterThan(0));
      cluster.at(8_000, () => {
        expect(sorted(cluster.written)).toEqual(all);
        second.unsubscribe();
      });
    });
  });

  it('a process that was stopped for longer than its session gives it up and is on standby', () => {
    virtual((scheduler) => {
      const cluster = new Cluster(scheduler, memoryCheckpoint());
      const first = cluster.start('first');
      const second = cluster.start('second');
      cluster.at(2_050, () => first.process.stop());
      cluster.at(4_000, () => first.process.continue());
      cluster.at(8_000, () => {
        expect(first.error).toBeUndefined();
        expect(cluster.events.map(({ type }) => type)).toContain('lost');
        expect(second.batches).toBeGreaterThan(30);
        expect(sorted(cluster.written)).toEqual(all);
        void second.stream.stop();
      });
      cluster.at(9_000, () => {
        expect(first.batches).toBeGreaterThan(21);
        first.unsubscribe();
      });
    });
  });

  it('a static member that is back within its session has the work again', () => {
    virtual((scheduler) => {
      const cluster = new Cluster(scheduler, memoryCheckpoint());
      const first = cluster.start('first', { instanceId: 'pod-0' });
      const second = cluster.start('second', { instanceId: 'pod-1' });
      let again: Life | undefined;
      cluster.at(2_000, () => first.process.kill());
      cluster.at(2_500, () => {
        again = cluster.start('first', { instanceId: 'pod-0' });
      });
      cluster.at(8_000, () => {
        expect(second.batches).toBe(0);
        expect(sorted(cluster.written)).toEqual(all);
        again?.unsubscribe();
        second.unsubscribe();
      });
    });
  });

  it('of two processes with one instance id the older one fails', () => {
    virtual((scheduler) => {
      const cluster = new Cluster(scheduler, memoryCheckpoint());
      const first = cluster.start('first', { instanceId: 'pod-0' });
      let second: Life | undefined;
      cluster.at(2_000, () => {
        second = cluster.start('second', { instanceId: 'pod-0' });
      });
      cluster.at(8_000, () => {
        expect(first.error).toMatchObject({ code: 'FENCED', location: 'group "job", instance id "pod-0"' });
        expect(sorted(cluster.written)).toEqual(all);
        second?.unsubscribe();
      });
    });
  });

  it('fails with the error of an output, and lets another process work', () => {
    virtual((scheduler) => {
      const cluster = new Cluster(scheduler, memoryCheckpoint());
      let left = 3;
      const effect = (records: readonly string[]) => {
        if (left-- === 0) throw new Error('full disk');
        cluster.written.push(...records);
      };
      const first = cluster.start('first', { effect });
      const second = cluster.start('second');
      cluster.at(8_000, () => {
        expect(first.error).toMatchObject({ message: 'full disk' });
        expect(sorted(cluster.written)).toEqual(all);
        second.unsubscribe();
      });
    });
  });

  it('a process that opens late, fences the owner and dies leaves the work to the owner, who opens it again', () => {
    virtual((scheduler) => {
      const checkpoint = memoryCheckpoint();
      const cluster = new Cluster(scheduler, checkpoint);
      const first = cluster.start('first');
      // What a process does that was stopped between "assigned" and "opened", and then dies.
      cluster.at(2_050, () => void from(checkpoint.open()).subscribe());
      cluster.at(8_000, () => {
        const types = cluster.events.map(({ type }) => type);
        expect(types).toEqual(expect.arrayContaining(['fenced', 'reopened']));
        expect(types).not.toContain('lost');
        expect(first.error).toBeUndefined();
        expect(sorted(cluster.written)).toEqual(all);
        first.unsubscribe();
      });
    });
  });
});
