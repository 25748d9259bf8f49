import {
  type BatchInfo,
  fixedRate,
  foreachBatch,
  foreachPartition,
  join,
  logTasksFrom,
  mapRecords,
  memoryCheckpoint,
  memoryLog,
  type RecordView,
} from 'dstream';
import { memoryGroup } from 'dstream/testing';
import { merge, mergeMap } from 'rxjs';
import type { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { StoppableProcess } from '../../support/stoppableProcess.js';
import { virtual } from '../../support/virtual.js';

const deserialize = (view: RecordView) => view.valueText() ?? '';
const source = (topic: string) => ({ topics: [topic], start: 'earliest', deserialize }) as const;
const sources = { left: source('left'), right: source('right') };

function cluster(scheduler: TestScheduler, counts = { left: 4, right: 4 }) {
  const log = memoryLog({ topics: counts, scheduler });
  const group = memoryGroup({ log, scheduler });
  const checkpoints = new Map<string, ReturnType<typeof memoryCheckpoint>>();
  const joined = new Map<string, readonly string[]>();
  const infos: BatchInfo[] = [];
  const start = (more: Partial<Parameters<typeof logTasksFrom>[3]> = {}) => {
    const process = new StoppableProcess(scheduler);
    const tasks = logTasksFrom(log, { client: () => process.connected(group.client()) }, sources, {
      ...{ groupId: 'job', interval: 100, sessionTimeout: 1_000, heartbeatInterval: 100, scheduler: process },
      ...{ stepTimeout: Infinity, outputTimeout: Infinity, batchObserver: { next: (info) => void infos.push(info) } },
      checkpoint: ({ id }) => {
        const known = checkpoints.get(id) ?? memoryCheckpoint();
        checkpoints.set(id, known);
        return known;
      },
      ...(more as object),
    });
    const life = {
      process,
      tasks,
      error: undefined as unknown,
      subscription: undefined as { unsubscribe(): void } | undefined,
    };
    life.subscription = tasks
      .pipe(
        mergeMap(({ streams: { left, right } }) =>
          left.pipe(
            mapRecords((value) => [value, 'left'] as const),
            join(right.pipe(mapRecords((value) => [value, 'right'] as const))),
            foreachPartition(
              ({ records }, { id }) =>
                void joined.set(
                  id,
                  records.map(([key]) => key),
                ),
            ),
          ),
        ),
      )
      .subscribe({
        error: (error: unknown) => {
          life.error = error;
        },
      });
    return life;
  };
  const send = (from: number, count: number) => {
    for (const topic of ['left', 'right']) {
      log.append(
        topic,
        Array.from({ length: count }, (_, i) => ({ key: `k${from + i}`, value: `k${from + i}` })),
      );
    }
  };
  const all = () => [...joined.values()].flat().sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
  return { start, send, all, infos };
}

const keys = (count: number) => Array.from({ length: count }, (_, i) => `k${i}`);

describe('logTasksFrom', () => {
  it('joins the sources of a task, also after its process was killed', () => {
    virtual((scheduler) => {
      const { start, send, all } = cluster(scheduler);
      for (let i = 0; i < 30; i++) scheduler.schedule(() => send(3 * i, 3), 100 * i + 50);
      const [first, second] = [start(), start()];
      scheduler.schedule(() => first.process.kill(), 1_200);
      scheduler.schedule(() => {
        expect(all()).toEqual(keys(90));
        expect(second.error).toBeUndefined();
        second.subscription?.unsubscribe();
      }, 4_500);
    });
  });

  it('has a rate for each source of the process', () => {
    virtual((scheduler) => {
      const { start, send, infos } = cluster(scheduler);
      send(0, 400);
      const first = start({ backpressure: fixedRate(200) });
      scheduler.schedule(() => {
        const perBatchTime = new Map<number, number>();
        for (const { time, inputs } of infos) {
          perBatchTime.set(time, (perBatchTime.get(time) ?? 0) + (inputs.left?.records ?? 0));
        }
        // 200 a second in batches of 100 ms, shared by four tasks.
        expect([...perBatchTime.values()].slice(0, 4)).toEqual([20, 20, 20, 20]);
        first.subscription?.unsubscribe();
      }, 1_000);
    });
  });

  it('reads a topic for each of its sources, with a checkpoint', () => {
    virtual((scheduler) => {
      const log = memoryLog({ topics: { left: 2 }, scheduler });
      const group = memoryGroup({ log, scheduler });
      const both = { left: source('left'), again: source('left') };
      const options = { groupId: 'job', interval: 100, scheduler };
      const rule = /sources.again .* reads left, as sources.left does: the group has one position of it/;
      expect(() => logTasksFrom(log, group, both, options)).toThrow(rule);
      const seen = { left: [] as string[], again: [] as string[] };
      const subscription = logTasksFrom(log, group, both, { ...options, checkpoint: () => memoryCheckpoint() })
        .pipe(
          mergeMap(({ streams: { left, again } }) =>
            merge(
              left.pipe(foreachBatch((records) => void seen.left.push(...records))),
              again.pipe(foreachBatch((records) => void seen.again.push(...records))),
            ),
          ),
        )
        .subscribe();
      for (let i = 0; i < 20; i++) {
        scheduler.schedule(() => void log.append('left', [{ key: `k${i}`, value: `${i}` }]), 100 * i + 50);
      }
      scheduler.schedule(() => {
        const all = Array.from({ length: 20 }, (_, i) => `${i}`).sort();
        expect([[...seen.left].sort(), [...seen.again].sort()]).toEqual([all, all]);
        subscription.unsubscribe();
      }, 4_000);
    });
  });

  it('refuses topics with different numbers of partitions, and no sources', () => {
    virtual((scheduler) => {
      const { start } = cluster(scheduler, { left: 4, right: 3 });
      const first = start();
      scheduler.schedule(() => expect(first.error).toMatchObject({ code: 'INVALID_OPTION', option: 'topics' }), 500);
    });
    const log = memoryLog();
    expect(() => logTasksFrom(log, memoryGroup({ log }), {}, { groupId: 'job', interval: 10 })).toThrow(/sources/);
  });
});
