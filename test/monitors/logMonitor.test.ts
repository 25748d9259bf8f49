import {
  type BatchInfo,
  ConnectionError,
  FencedError,
  foreachBatch,
  foreachPartition,
  fromBatches,
  InvalidOptionError,
  json,
  type Logger,
  logBatches,
  logMonitor,
  type MonitoredStream,
  memoryCheckpoint,
  memoryLog,
  receiverBatches,
} from 'dstream';
import { NEVER, Observable, retry, throwError, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';

function recorder() {
  const lines: (Record<string, unknown> & { readonly level: string })[] = [];
  const at = (level: string) => (fields: Readonly<Record<string, unknown>>) => void lines.push({ level, ...fields });
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { logger, lines, events: () => lines.map(({ level, event }) => `${level} ${event}`) };
}

describe('logMonitor', () => {
  it('logs start, failure, recovery and end, with the batch time', () => {
    const { logger, lines, events } = recorder();
    let fails = 1;
    virtual(() => {
      const options = { interval: 10, name: 'letters', checkpoint: memoryCheckpoint(), monitors: [logMonitor(logger)] };
      fromBatches([['a'], ['b']], options)
        .pipe(
          foreachBatch(([letter]) => (letter === 'b' && fails-- > 0 ? throwError(() => new Error('no')) : timer(1))),
          retry(),
        )
        .subscribe();
    });
    expect(events()).toEqual([
      'info started',
      'debug batch',
      'error failed',
      'info started',
      'debug batch',
      'info recovered',
      'info stopped',
    ]);
    expect(lines[2]).toEqual({
      level: 'error',
      stream: 'letters',
      event: 'failed',
      batchTime: 20,
      stage: 'effect',
      operator: 'foreachBatch',
      attempt: 0,
      code: 'other',
    });
    expect(lines.at(-1)).toMatchObject({ reason: 'completed', batchTime: 20 });
  });

  it('warns when batches wait longer than an interval, and when they no longer do', () => {
    const { logger, lines } = recorder();
    virtual(() => {
      fromBatches([['a'], ['b'], ['c']], { interval: 10, emptyAfter: 7, monitors: [logMonitor(logger, { every: 0 })] })
        .pipe(foreachBatch((records) => timer(25 * records.length)))
        .subscribe();
    });
    const warnings = lines.filter(({ level }) => level === 'warn');
    expect(warnings.map(({ event, batchTime }) => `${batchTime} ${event}`)).toEqual([
      '20 falls-behind',
      '30 falls-behind',
      '40 falls-behind',
      '50 falls-behind',
      '60 falls-behind',
      '70 falls-behind',
      '80 keeps-up',
    ]);
  });

  it('logs a kind of warning once in a while, and how many it left out', () => {
    const { logger, lines } = recorder();
    let now = 0;
    const run = logMonitor(logger, { every: 100 }).run({ name: 's', now: () => now } as MonitoredStream);
    const info = { time: 5, interval: 10, schedulingDelay: 11, inputs: {} } as BatchInfo;
    for (const at of [0, 50, 99, 100, 150]) {
      now = at;
      run?.completed?.(info);
    }
    const warnings = lines.filter(({ level }) => level === 'warn');
    expect(warnings.map(({ suppressed }) => suppressed)).toEqual([undefined, 2]);
  });

  it('warns of a stall', () => {
    const { logger, events } = recorder();
    virtual((scheduler) => {
      const subscription = fromBatches([['a']], { interval: 10, stallAfter: 30, monitors: [logMonitor(logger)] })
        .pipe(foreachBatch(() => NEVER))
        .subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 100);
    });
    expect(events()).toEqual(['info started', 'warn stalled', 'info stopped']);
  });

  it.each([
    [false, undefined],
    [true, expect.stringContaining('s3cret')],
  ])('keeps what a record says out of the log, unless showErrors is %s', (showErrors, message) => {
    const { logger, lines } = recorder();
    virtual(() => {
      const log = memoryLog({ topics: { t: 1 } });
      log.append('t', [{ key: 's3cret', value: 's3cret', headers: [{ key: 'h', value: 's3cret' } as never].slice(1) }]);
      const deserialize = () => {
        throw new Error('"s3cret" is not valid');
      };
      const monitors = [logMonitor(logger, { showErrors })];
      logBatches(log, { topics: ['t'], start: 'earliest', interval: 10, deserialize, monitors })
        .pipe(foreachBatch(() => {}))
        .subscribe({ error: () => {} });
    });
    const failed = lines.find(({ event }) => event === 'failed');
    expect(failed).toMatchObject({ code: 'DESERIALIZATION', topic: 't', partition: 0, offset: 0 });
    expect(failed?.error).toEqual(message);
    if (!showErrors) expect(JSON.stringify(lines)).not.toContain('s3cret');
  });

  it('warns of records that were skipped', () => {
    const { logger, lines } = recorder();
    virtual((scheduler) => {
      const log = memoryLog({ topics: { t: 1 } });
      log.append('t', [{ value: '1' }, { value: 'oops' }, { value: '2' }]);
      const options = { topics: ['t'], start: 'earliest', invalidRecords: 'skip', interval: 10 } as const;
      const stream = logBatches(log, { ...options, deserialize: json<number>(), monitors: [logMonitor(logger)] });
      const subscription = stream.pipe(foreachBatch(() => {})).subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 15);
    });
    expect(lines.find(({ event }) => event === 'skipped')).toMatchObject({ level: 'warn', source: 'log', records: 1 });
  });

  it('warns of what a batch went without, with its place', () => {
    const { logger, lines } = recorder();
    const run = logMonitor(logger).run({ name: 's', now: () => 0 } as MonitoredStream);
    const place = { topic: 't', partition: 3 };
    const input = {
      lost: [{ ...place, from: 5, until: 9 }],
      unavailable: [{ ...place, since: 7, error: new ConnectionError(['broker:9092']) }],
      decision: { warnings: ['rate-at-floor', 'fixed-cost-over-interval', 'processing-time-varies'] },
    };
    run?.completed?.({ time: 10, interval: 10, schedulingDelay: 0, inputs: { log: input } } as unknown as BatchInfo);
    const line = { level: 'warn', stream: 's', batchTime: 10, source: 'log' };
    expect(lines.slice(1)).toEqual([
      { ...line, event: 'lost', ...place, from: 5, until: 9 },
      { ...line, event: 'partition-unavailable', ...place, since: 7, code: 'CONNECTION' },
      { ...line, event: 'rate-at-floor' },
      { ...line, event: 'fixed-cost-over-interval' },
      { ...line, event: 'processing-time-varies' },
    ]);
  });

  it('warns of partitions that run again, and of records that were handed over', () => {
    const { logger, lines } = recorder();
    virtual(() => {
      let refusals = 1;
      fromBatches([['a']], { interval: 10, partitions: 1, monitors: [logMonitor(logger)] })
        .pipe(
          foreachPartition(() => (refusals-- > 0 ? throwError(() => new Error('s3cret')) : timer(1)), {
            retry: { count: 1, delay: 5 },
          }),
          foreachPartition(() => throwError(() => new Error('s3cret')), { onError: { next: () => {} } }),
        )
        .subscribe();
    });
    const warnings = lines.filter(({ level }) => level === 'warn');
    expect(warnings).toMatchObject([
      { event: 'partition-retried', operator: 'foreachPartition', partition: 0, attempt: 1, code: 'other' },
      { event: 'dead-lettered', operator: 'foreachPartition', records: 1, code: 'other' },
    ]);
    expect(JSON.stringify(lines)).not.toContain('s3cret');
  });

  it('warns of a receiver that failed once for each time, and not when it receives again', () => {
    const { logger, lines } = recorder();
    virtual((scheduler) => {
      const receiver = new Observable<string>((subscriber) => {
        const actions = [
          timer(3).subscribe(() => subscriber.next('a')),
          timer(6).subscribe(() => subscriber.error('no')),
        ];
        return () => {
          for (const action of actions) action.unsubscribe();
        };
      });
      const options = { interval: 10, restart: { delay: 4 }, monitors: [logMonitor(logger, { every: 0 })] };
      const subscription = receiverBatches(receiver, options)
        .pipe(foreachBatch(() => {}))
        .subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 18);
    });
    expect(lines.filter(({ event }) => event === 'receiver-failed')).toMatchObject([
      { level: 'warn', source: 'receiver', receiver: 0, state: 'waiting', restarts: 1, retryAt: 10, code: 'other' },
      { level: 'warn', source: 'receiver', receiver: 0, state: 'waiting', restarts: 2, retryAt: 24, code: 'other' },
    ]);
  });

  it('tells that another process has the checkpoint, and that one took it over', () => {
    const { logger, lines, events } = recorder();
    const run = logMonitor(logger).run({ name: 's', now: () => 0 } as MonitoredStream);
    run?.status?.({ status: 'connecting', previous: undefined, at: 0 });
    run?.status?.({ status: 'connecting', previous: 'connecting', at: 1, reason: 'owned by 7' });
    const error = new FencedError('./checkpoint');
    run?.failed?.({ time: 10, stage: 'save', error, attempt: 0 });
    expect(events()).toEqual(['info waiting', 'warn fenced', 'error failed']);
    expect(lines[0]).toMatchObject({ reason: 'owned by 7' });
    expect(lines[1]).toMatchObject({ code: 'FENCED', stage: 'save', batchTime: 10 });
  });

  it('refuses a logger without all four levels', () => {
    const { logger } = recorder();
    expect(() => logMonitor({ ...logger, warn: undefined } as never)).toThrow(InvalidOptionError);
    expect(() => logMonitor(logger, { every: -1 })).toThrow(InvalidOptionError);
  });
});
