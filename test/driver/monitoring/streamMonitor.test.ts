import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type BatchStream,
  type Checkpoint,
  concatMapBatch,
  type DriverOptions,
  filterRecords,
  foreachBatch,
  foreachPartition,
  fromBatches,
  mapRecords,
  memoryCheckpoint,
  reduceBatch,
  reduceByKeyAndWindow,
  type Source,
  type StreamMonitor,
  transformBatch,
  updateStateByKey,
} from 'dstream';
import {
  concat,
  config,
  EMPTY,
  mergeMap,
  NEVER,
  type Observable,
  of,
  retry,
  share,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { batchesOf } from '../../../src/driver/batchesOf.js';
import { resolveDriverOptions } from '../../../src/driver/driverOptions.js';
import { recordingMonitor } from '../../support/recordingMonitor.js';
import { scripted } from '../../support/scripted.js';
import { virtual } from '../../support/virtual.js';

afterEach(() => {
  config.onUnhandledError = null;
});

describe('the monitors of a stream', () => {
  it('are told of every step of a batch, in order', () => {
    const { monitor, lines } = recordingMonitor();
    virtual(() => {
      fromBatches([['a']], { interval: 10, name: 'letters', monitors: [monitor] })
        .pipe(foreachBatch(() => timer(3)))
        .subscribe();
    });
    expect(lines).toEqual([
      '0 run letters attempt 0',
      '0 status connecting',
      '0 status running',
      '10 planned 10',
      '10 dispatch 10',
      '10 effect 10 foreachBatch',
      '10 dispatch 10 ended',
      '13 effect 10 foreachBatch ended',
      '13 save 10',
      '13 save 10 ended',
      '13 commit 10',
      '13 commit 10 ended',
      '13 completed 10',
      '20 status stopped',
      '20 ended completed',
    ]);
  });

  it('are told of what was read, of records sent, and of dead letters once they are handed over', () => {
    const events: unknown[] = [];
    const monitor: StreamMonitor = {
      run: ({ now }) => ({
        read: ({ time, records, processingStartTime, traceParents }) =>
          events.push(['read', time, records, processingStartTime, traceParents]),
        sent: (event) => events.push(['sent', now(), event]),
        deadLettered: (event) => events.push(['deadLettered', now(), event]),
      }),
    };
    const refused = new Error('refused');
    virtual(() => {
      fromBatches([['a', 'b']], { interval: 10, partitions: 1, monitors: [monitor] })
        .pipe(
          foreachPartition(() => throwError(() => refused), { onError: { next: () => timer(4) } }),
          foreachBatch((records, { effects }) => {
            const record = { operator: 'foreachBatch', id: 'out', system: 'kafka', records: records.length };
            const sent = effects?.sending({ ...record, topic: 'good' });
            effects?.sending({ ...record, topic: 'bad' })({ error: refused });
            return timer(2).pipe(tap(() => sent?.()));
          }),
        )
        .subscribe();
    });
    const record = { time: 10, operator: 'foreachBatch', id: 'out', system: 'kafka', records: 2, startTime: 14 };
    expect(events).toEqual([
      ['read', 10, 2, 10, []],
      ['deadLettered', 14, { time: 10, operator: 'foreachPartition', records: 2, error: refused }],
      ['sent', 14, { ...record, topic: 'bad', duration: 0, error: refused }],
      ['sent', 16, { ...record, topic: 'good', duration: 2 }],
    ]);
  });

  it('are named after the source by default', () => {
    const { monitor, streams } = recordingMonitor();
    virtual(() => fromBatches([], { interval: 10, monitors: [monitor] }).subscribe());
    expect(streams.map(({ name, interval, sources }) => [name, interval, sources])).toEqual([
      ['fromBatches', 10, { batches: 'fromBatches' }],
    ]);
  });

  it('make the context around a stage that of the effect and of what it starts', async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const monitor: StreamMonitor = {
      run: () => ({ stage: ({ kind, time }, work) => context.run(`${kind} ${time}`, work) }),
    };
    await new Promise<void>((complete) => {
      fromBatches([['a'], ['b']], { interval: 1, monitors: [monitor] })
        .pipe(
          mapRecords((letter) => {
            seen.push(context.getStore()?.replace(/\d+/, letter));
            return letter;
          }),
          foreachBatch(async ([letter]) => {
            await new Promise((resolve) => setImmediate(resolve));
            seen.push(context.getStore()?.replace(/\d+/, String(letter)));
          }),
        )
        .subscribe({ complete });
    });
    expect(seen).toEqual(['dispatch a', 'effect a', 'dispatch b', 'effect b']);
  });

  it('change nothing when they throw', () => {
    const errors: unknown[] = [];
    config.onUnhandledError = (error) => errors.push(error);
    const broken = (): never => {
      throw new Error('broken');
    };
    const everyMethod = {
      status: broken,
      planned: broken,
      stage: broken,
      completed: broken,
      read: broken,
      ended: broken,
    };
    const outputs: unknown[] = [];
    virtual(() => {
      fromBatches([['a'], ['b']], { interval: 10, monitors: [{ run: () => everyMethod }, { run: broken }] })
        .pipe(foreachBatch((records) => void outputs.push(records)))
        .subscribe({ complete: () => outputs.push('complete') });
    });
    expect(outputs).toEqual([['a'], ['b'], 'complete']);
    expect(errors).toEqual([new Error('broken'), new Error('broken')]);
  });
});

describe('a failure names its stage and operator', () => {
  const fails = (): never => {
    throw new Error('no');
  };
  const failing = (
    method: 'plan' | 'fetch' | 'commit',
    by: () => never | ReturnType<typeof throwError>,
  ): Source<number> => {
    const { source } = scripted();
    return {
      ...source,
      open: (setup) =>
        new Promise((resolve) => {
          of(source.open(setup)).subscribe((opened) => {
            (opened as ReturnType<typeof of>).subscribe((run) =>
              resolve({ ...(run as object), [method]: by } as never),
            );
          });
        }),
    };
  };
  const failingCheckpoint = (): Checkpoint => {
    const checkpoint = memoryCheckpoint();
    return {
      location: 'memory',
      open: () =>
        new Promise((resolve) => {
          (checkpoint.open() as ReturnType<typeof of>).subscribe((session) =>
            resolve({
              ...Object(session),
              restored: undefined,
              plan: () => EMPTY,
              encode: () => 0,
              save: fails,
              close: () => EMPTY,
            }),
          );
        }),
    };
  };
  const run = async (
    stream: (options: Partial<DriverOptions>) => BatchStream<number>,
    pipe = (s: BatchStream<number>) => s.pipe(foreachBatch(() => {})),
  ) => {
    const { monitor, lines } = recordingMonitor();
    await new Promise<void>((over) => {
      pipe(stream({ monitors: [monitor], interval: 5 })).subscribe({ error: () => over(), complete: over });
    });
    return lines
      .filter((line) => / failed \d| failed undefined| status failed/.test(line))
      .map((line) => line.replace(/^\d+ /, '').replace(/failed \d+/, 'failed T'));
  };
  const streamOf = (source: Source<number>) => (options: Partial<DriverOptions>) =>
    batchesOf('s', source, resolveDriverOptions('test', { interval: 5, ...options }));

  it.each(['plan', 'fetch', 'commit'] as const)('of %s', async (stage) => {
    const expected = [`failed T ${stage} Error: no attempt 0`, 'status failed Error: no'];
    expect(await run(streamOf(failing(stage, fails)))).toEqual(expected);
    expect(await run(streamOf(failing(stage, () => throwError(() => new Error('no')))))).toEqual(expected);
  });

  it('of save', async () => {
    const stream = (options: Partial<DriverOptions>) =>
      scripted().stream({ ...options, checkpoint: failingCheckpoint() });
    expect(await run(stream)).toEqual(['failed T save Error: no attempt 0', 'status failed Error: no']);
  });

  it('of opening, before there is a batch', async () => {
    const source: Source<number> = { ...scripted().source, open: fails };
    expect(await run(streamOf(source))).toEqual([
      'failed undefined open Error: no attempt 0',
      'status failed Error: no',
    ]);
  });

  const keyed = mapRecords<number, readonly [string, number]>((n) => ['k', n]);

  it.each<readonly [string, (stream: BatchStream<number>) => Observable<unknown>]>([
    ['mapRecords', (stream) => stream.pipe(mapRecords(fails), share())],
    ['transformBatch', (stream) => stream.pipe(transformBatch(fails))],
    [
      'mapRecords, filterRecords, reduceBatch',
      (stream) =>
        stream.pipe(
          mapRecords((n) => n),
          filterRecords(fails),
          reduceBatch<number>(fails),
        ),
    ],
    ['updateStateByKey sums', (stream) => stream.pipe(keyed, updateStateByKey(fails, { id: 'sums' }))],
    [
      'reduceByKeyAndWindow',
      (stream) => stream.pipe(keyed, reduceByKeyAndWindow<string, number>(fails, { window: 10, filter: fails })),
    ],
  ])('of dispatch, in %s', async (operator, pipe) => {
    const lines = await run(scripted().stream, pipe as never);
    expect(lines).toEqual([`failed T dispatch ${operator} Error: no attempt 0`, 'status failed Error: no']);
  });

  it.each([
    ['foreachBatch', foreachBatch<number>(fails)],
    ['foreachBatch', foreachBatch<number>(async () => fails())],
    ['concatMapBatch', concatMapBatch<number, number>(() => throwError(() => new Error('no')))],
  ] as const)('of an effect of %s', async (operator, output) => {
    const lines = await run(scripted().stream, (stream) => stream.pipe(output));
    expect(lines).toEqual([`failed T effect ${operator} Error: no attempt 0`, 'status failed Error: no']);
  });
});

describe('the status of a stream', () => {
  const statuses = (lines: readonly string[]) =>
    lines.filter((line) => line.includes('status')).map((l) => l.replace('status ', ''));

  it('goes over connecting, running and failed to connecting again, and recovers what was planned', () => {
    const { monitor, lines } = recordingMonitor();
    let failures = 2;
    virtual(() => {
      fromBatches([['a'], ['b']], { interval: 10, checkpoint: memoryCheckpoint(), monitors: [monitor] })
        .pipe(
          foreachBatch(([letter]) => (letter === 'b' && failures-- > 0 ? throwError(() => 'no') : timer(1))),
          retry({ delay: 3 }),
        )
        .subscribe();
    });
    expect(statuses(lines)).toEqual([
      '0 connecting',
      '0 running',
      '20 failed no',
      '23 connecting',
      '23 recovering',
      '23 failed no',
      '26 connecting',
      '26 recovering',
      '27 running',
      '30 stopped',
    ]);
    expect(lines.filter((line) => line.includes('run '))).toEqual([
      '0 run fromBatches attempt 0',
      '23 run fromBatches attempt 1',
      '26 run fromBatches attempt 2',
    ]);
    expect(lines.filter((line) => line.includes('again'))).toEqual(['23 planned 20 again', '26 planned 20 again']);
  });

  it('is stalled while no batch completes for stallAfter, and running again after one did', () => {
    const { monitor, lines } = recordingMonitor();
    virtual(() => {
      fromBatches([['a'], ['b'], ['c']], { interval: 10, stallAfter: 25, monitors: [monitor] })
        .pipe(foreachBatch(([letter]) => timer(letter === 'b' ? 100 : 1)))
        .subscribe();
    });
    expect(statuses(lines)).toEqual(['0 connecting', '0 running', '45 stalled', '120 running', '121 stopped']);
  });

  it.each([
    ['10 s', 100, 10_000],
    ['10 intervals', 2_000, 20_000],
  ])('is stalled after %s by default, where the interval is %i ms', (_, interval, after) => {
    const { monitor, lines } = recordingMonitor();
    virtual((scheduler) => {
      const subscription = fromBatches([['a'], ['b']], { interval, outputTimeout: Infinity, monitors: [monitor] })
        .pipe(foreachBatch(() => NEVER))
        .subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 60_000);
    });
    expect(statuses(lines)).toContain(`${interval + after} stalled`);
  });

  it('is recovering again when a replayed batch completes after a stall, until the last has', () => {
    const { monitor, lines } = recordingMonitor();
    const checkpoint = memoryCheckpoint();
    let fails = true;
    virtual((scheduler) => {
      const options = { interval: 10, stallAfter: 20, checkpoint, monitors: [monitor] };
      fromBatches([['a'], ['b'], ['c']], options)
        .pipe(
          foreachBatch(([letter]) => {
            if (!fails) return timer(letter === 'a' ? 30 : 1);
            return concat(
              timer(35),
              throwError(() => 'no'),
            );
          }),
          retry({
            delay: () => {
              fails = false;
              return of(0);
            },
          }),
        )
        .subscribe();
      scheduler.schedule(() => {}, 100);
    });
    expect(statuses(lines).slice(2)).toEqual([
      '30 stalled',
      '45 failed no',
      '45 connecting',
      '45 recovering',
      '65 stalled',
      '75 recovering',
      '77 running',
      '77 stopped',
    ]);
  });

  it('is not stalled while nothing is due, however long the interval', () => {
    const { monitor, lines } = recordingMonitor();
    virtual(() => {
      fromBatches([['a'], ['b']], { interval: 1_000, stallAfter: 100, monitors: [monitor] })
        .pipe(foreachBatch(() => timer(99)))
        .subscribe();
    });
    expect(statuses(lines)).toEqual(['0 connecting', '0 running', '3000 stopped']);
  });

  it('goes over stopping to stopped, and ends as stopped', () => {
    const { monitor, lines } = recordingMonitor();
    virtual((scheduler) => {
      const stream = fromBatches([['a']], { interval: 10, emptyAfter: Infinity, monitors: [monitor] });
      stream.pipe(foreachBatch(() => timer(5))).subscribe();
      scheduler.schedule(() => void stream.stop(), 12);
    });
    expect(statuses(lines)).toEqual(['0 connecting', '0 running', '12 stopping', '15 stopped']);
    expect(lines.at(-1)).toBe('15 ended stopped');
  });

  it('goes from stopping to failed when the open batch fails', () => {
    const { monitor, lines } = recordingMonitor();
    virtual((scheduler) => {
      const stream = fromBatches([['a']], { interval: 10, emptyAfter: Infinity, monitors: [monitor] });
      const late = () => timer(5).pipe(mergeMap(() => throwError(() => 'no')));
      stream.pipe(foreachBatch(late)).subscribe({ error: () => {} });
      scheduler.schedule(() => void stream.stop(), 12);
    });
    expect(statuses(lines)).toEqual(['0 connecting', '0 running', '12 stopping', '15 failed no']);
    expect(lines.at(-1)).toBe('15 ended failed');
  });

  it('goes from connecting over stopping to stopped when it is stopped before its checkpoint is open', () => {
    const { monitor, lines } = recordingMonitor();
    virtual((scheduler) => {
      const checkpoint = memoryCheckpoint();
      const slow = { ...checkpoint, open: () => timer(20).pipe(mergeMap(() => checkpoint.open())) };
      const stream = fromBatches([['a']], { interval: 10, checkpoint: slow, monitors: [monitor] });
      stream.pipe(foreachBatch(() => {})).subscribe();
      scheduler.schedule(() => void stream.stop(), 12);
    });
    expect(statuses(lines)).toEqual(['0 connecting', '12 stopping', '12 stopped']);
  });

  it('goes from recovering over stopping to stopped, when the replayed batch is complete', () => {
    const { monitor, lines } = recordingMonitor();
    let failures = 1;
    virtual((scheduler) => {
      const options = { interval: 10, emptyAfter: Infinity, checkpoint: memoryCheckpoint(), monitors: [monitor] };
      const stream = fromBatches([['a']], options);
      const effect = () => (failures-- > 0 ? throwError(() => 'no') : timer(5));
      stream.pipe(foreachBatch(effect), retry({ delay: 3 })).subscribe();
      scheduler.schedule(() => void stream.stop(), 15);
    });
    expect(statuses(lines).slice(2)).toEqual([
      '10 failed no',
      '13 connecting',
      '13 recovering',
      '15 stopping',
      '18 stopped',
    ]);
  });

  it('goes from stalled over stopping to stopped', () => {
    const { monitor, lines } = recordingMonitor();
    virtual((scheduler) => {
      const options = { interval: 10, stallAfter: 20, emptyAfter: Infinity, monitors: [monitor] };
      const stream = fromBatches([['a']], options);
      stream.pipe(foreachBatch(([letter]) => timer(letter ? 40 : 0))).subscribe();
      scheduler.schedule(() => void stream.stop(), 35);
    });
    expect(statuses(lines)).toEqual(['0 connecting', '0 running', '30 stalled', '35 stopping', '50 stopped']);
  });

  it('ends as unsubscribed when its subscriber leaves', () => {
    const { monitor, lines } = recordingMonitor();
    virtual((scheduler) => {
      const subscription = fromBatches([['a']], { interval: 10, monitors: [monitor] })
        .pipe(foreachBatch(() => NEVER))
        .subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 12);
    });
    expect(lines.slice(-2)).toEqual(['12 status stopped', '12 ended unsubscribed']);
  });
});

describe('snapshot', () => {
  it('is undefined before the first subscription, and keeps the last one after its end', () => {
    const stream = fromBatches([['a']], { interval: 10, name: 'letters' });
    expect(stream.snapshot()).toBeUndefined();
    virtual(() => stream.subscribe());
    expect(stream.snapshot()).toMatchObject({ name: 'letters', status: 'stopped', since: 20, open: [], waiting: 0 });
  });

  it('tells what is open, waiting and committed, without a monitor', () => {
    const stream = fromBatches([['a'], ['b', 'c'], ['d']], {
      interval: 10,
      stallAfter: 50,
      checkpoint: memoryCheckpoint(),
    });
    const snapshots: unknown[] = [];
    virtual((scheduler) => {
      stream.pipe(foreachBatch(([letter]) => (letter === 'b' ? timer(75) : of(0)))).subscribe();
      for (const at of [5, 35, 75]) scheduler.schedule(() => snapshots.push(stream.snapshot()), at);
    });
    const partition = { topic: 'batches', partition: 0, bufferedBytes: 0 };
    expect(snapshots).toMatchObject([
      { at: 5, status: 'running', since: 0, interval: 10, attempt: 0, waiting: 0, open: [], saving: [] },
      {
        at: 35,
        status: 'running',
        waiting: 1,
        open: [{ time: 20, records: 2, stage: 'effect', since: 20 }],
        lastBatch: { time: 10, records: 1 },
        inputs: { batches: { kind: 'fromBatches', partitions: [{ ...partition, planned: 3, committed: 1 }] } },
        checkpoint: { time: 10, savedAt: 10 },
        recovery: undefined,
      },
      { at: 75, status: 'stalled', since: 75, open: [{ time: 20 }] },
    ]);
  });

  it('counts the state of every operator', () => {
    const stream = fromBatches([['a', 'b', 'a']], { interval: 10 });
    const seen: unknown[] = [];
    virtual(() => {
      stream
        .pipe(
          mapRecords((letter): readonly [string, number] => [letter, 1]),
          updateStateByKey((values: readonly number[], sum: number | undefined) => (sum ?? 0) + values.length, {
            id: 'counts',
          }),
          foreachBatch(() => void seen.push(stream.snapshot()?.state)),
        )
        .subscribe();
    });
    expect(seen).toEqual([[{ id: 'counts', operator: 'updateStateByKey', entries: 2 }]]);
  });

  it('shows how far a recovery has come', () => {
    const checkpoint = memoryCheckpoint();
    const seen: unknown[] = [];
    let fail = true;
    virtual((scheduler) => {
      const stream = fromBatches([['a'], ['b'], ['c']], { interval: 10, checkpoint, concurrentBatches: 1 });
      stream
        .pipe(
          foreachBatch(([letter]) => {
            if (letter === 'a' && fail)
              return concat(
                timer(25),
                throwError(() => 'no'),
              );
            seen.push(stream.snapshot()?.recovery);
            return timer(1);
          }),
          retry({
            delay: () => {
              fail = false;
              return of(0);
            },
          }),
        )
        .subscribe();
      scheduler.schedule(() => {}, 100);
    });
    expect(seen).toEqual([
      { done: 0, total: 3 },
      { done: 1, total: 3 },
      { done: 2, total: 3 },
    ]);
  });
});
