import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Attributes, context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { type CollectionResult, DataPointType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import {
  type BatchContext,
  ConnectionError,
  fixedRate,
  foreachBatch,
  fromBatches,
  InvalidOptionError,
  json,
  type LogClient,
  type LogSourceOptions,
  logBatches,
  memoryCheckpoint,
  memoryLog,
  type RunMonitor,
  type StreamMonitor,
} from 'dstream';
import { fileCheckpoint } from 'dstream/node';
import { opentelemetryMonitor } from 'dstream/opentelemetry';
import { prometheusMonitor } from 'dstream/prometheus';
import * as client from 'prom-client';
import { lastValueFrom, map, NEVER, of, throwError, timer } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { version } from '../../src/batch/version.js';
import { metrics } from '../../src/monitors/metrics/metricTable.js';
import { logLike } from '../support/logLike.js';
import { monitoredRun } from '../support/monitoredRun.js';
import { virtual } from '../support/virtual.js';

beforeAll(() => void context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()));
afterAll(() => context.disable());

function tracing() {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const spans = () => exporter.getFinishedSpans();
  const named = (name: string) => spans().find((span) => span.name === name) as ReadableSpan;
  return { tracer: provider.getTracer('test'), spans, named };
}

/** Spans as an indented tree, in the order in which they started. */
function treeOf(spans: readonly ReadableSpan[]): readonly string[] {
  const under = (parent: string | undefined, depth: number): string[] =>
    spans
      .filter((span) => span.parentSpanContext?.spanId === parent)
      .flatMap((span) => [
        `${'  '.repeat(depth)}${span.name} ${SpanKind[span.kind]}`,
        ...under(span.spanContext().spanId, depth + 1),
      ]);
  return under(undefined, 0);
}

/** A log in memory that says it is a Kafka. */
function asKafka(log: LogClient): LogClient {
  return logLike(log, {
    broker: () => '7',
    address: () => ({ host: 'broker-7', port: 9092 }),
    describe: () => ({ system: 'kafka', library: 'kafkajs', clientId: 'app', clusterId: 'c-1' }),
  });
}

const options = {
  topics: ['orders'],
  groupId: 'group',
  start: 'earliest',
  interval: 10,
  deserialize: json<number>(),
  name: 'orders',
  checkpoint: memoryCheckpoint(),
} as const satisfies Partial<LogSourceOptions<number>> & Record<string, unknown>;

const fails = (): never => {
  throw new ConnectionError(['broker-7:9092']);
};

describe('the spans of opentelemetryMonitor', () => {
  it('of a batch with two outputs are one tree, with the spans of a traced client below their output', async () => {
    const { tracer, spans, named } = tracing();
    const log = memoryLog({ topics: { orders: 1 } });
    log.append('orders', [{ value: '1' }, { value: '2' }]);
    const monitors = [opentelemetryMonitor({ tracer })];
    const query = async (records: readonly number[]) => {
      if (records.length === 0) return;
      await new Promise((resolve) => setImmediate(resolve));
      tracer.startSpan('SELECT', { kind: SpanKind.CLIENT }).end();
    };
    const send = (records: readonly number[], { effects }: BatchContext) => {
      const output = { operator: 'foreachBatch', id: 'notify' };
      effects?.sending({ ...output, system: 'kafka', topic: 'sums', records: records.length })();
    };
    await new Promise<void>((stopped) => {
      const batchObserver = { next: () => void stream.stop() };
      const stream = logBatches(asKafka(log), { ...options, checkpoint: memoryCheckpoint(), monitors, batchObserver });
      stream
        .pipe(foreachBatch(query, { id: 'store' }), foreachBatch(send, { id: 'notify' }))
        .subscribe({ complete: stopped });
    });
    expect(treeOf(spans())).toEqual([
      'process orders CONSUMER',
      '  poll orders CLIENT',
      '  dispatch INTERNAL',
      '  foreachBatch store INTERNAL',
      '    SELECT CLIENT',
      '  foreachBatch notify INTERNAL',
      '    send sums CLIENT',
      '  save INTERNAL',
      '  commit orders CLIENT',
    ]);
    expect(named('send sums').attributes).toEqual({
      'messaging.system.name': 'kafka',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'sums',
      'messaging.batch.message_count': 2,
    });
    expect(named('foreachBatch store').attributes).toEqual({
      'dstream.operator': 'foreachBatch',
      'dstream.id': 'store',
    });
  });

  it('have the names, kinds, parents, times and attributes of the conventions', () => {
    const { tracer, spans, named } = tracing();
    virtual((scheduler) => {
      const log = memoryLog({ topics: { orders: 1 }, scheduler });
      log.append('orders', [{ value: '1' }, { value: '2' }]);
      const monitors = [opentelemetryMonitor({ tracer })];
      const stream = logBatches(asKafka(log), { ...options, checkpoint: memoryCheckpoint(), monitors });
      stream.pipe(foreachBatch(() => timer(3))).subscribe();
      scheduler.schedule(() => void stream.stop(), 15);
    });
    expect(treeOf(spans())).toEqual([
      'process orders CONSUMER',
      '  poll orders CLIENT',
      '  dispatch INTERNAL',
      '  foreachBatch INTERNAL',
      '  save INTERNAL',
      '  commit orders CLIENT',
    ]);
    const kafka = {
      'messaging.system.name': 'kafka',
      'messaging.client.id': 'app',
      'messaging.consumer.group.name': 'group',
      'kafka.cluster.id': 'c-1',
    };
    const process = named('process orders');
    expect(process.attributes).toEqual({
      ...kafka,
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'orders',
      'messaging.batch.message_count': 2,
      'dstream.stream': 'orders',
      'dstream.batch.time': 10,
      'dstream.batch.interval': 0.01,
      'dstream.batch.scheduling_delay': 0,
    });
    expect([process.startTime, process.endTime]).toEqual([
      [0, 10_000_000],
      [0, 13_000_000],
    ]);
    expect(named('poll orders').attributes).toEqual({
      ...kafka,
      'messaging.operation.name': 'poll',
      'messaging.operation.type': 'receive',
      'messaging.destination.name': 'orders',
      'messaging.destination.partition.id': '0',
      'messaging.batch.message_count': 2,
      'server.address': 'broker-7',
      'server.port': 9092,
      'dstream.fetch.bytes': expect.any(Number),
    });
    expect(named('foreachBatch').attributes).toEqual({ 'dstream.operator': 'foreachBatch' });
    for (const name of ['dispatch', 'save']) expect(named(name).attributes).toEqual({});
    expect(named('commit orders').attributes).toMatchObject({
      'messaging.operation.name': 'commit',
      'messaging.operation.type': 'settle',
      'messaging.consumer.group.name': 'group',
    });
  });

  it('name what is several no more than it is: topics, the id and the partition of an effect, the rule of the rate', () => {
    const { tracer, spans, named } = tracing();
    virtual((scheduler) => {
      const log = memoryLog({ topics: { orders: 1, returns: 1 }, scheduler });
      for (const topic of ['orders', 'returns']) log.append(topic, [{ value: '1' }]);
      const more = { topics: ['orders', 'returns'], checkpoint: memoryCheckpoint(), backpressure: fixedRate(1_000) };
      const stream = logBatches(asKafka(log), { ...options, ...more, monitors: [opentelemetryMonitor({ tracer })] });
      const effect = (_: unknown, { effects }: BatchContext) =>
        effects?.effect({ operator: 'writeRows', id: 'store', partition: 1 }, () => of(0));
      stream.pipe(foreachBatch(effect)).subscribe();
      scheduler.schedule(() => void stream.stop(), 15);
    });
    expect([...treeOf(spans())].sort()).toEqual([
      '  commit CLIENT',
      '  dispatch INTERNAL',
      '  foreachBatch INTERNAL',
      '  poll CLIENT',
      '  save INTERNAL',
      '  writeRows store INTERNAL',
      'process CONSUMER',
    ]);
    expect(named('process').attributes).toMatchObject({ 'dstream.rate.limit': 1_000, 'dstream.rate.rule': 'fixed' });
    for (const name of ['process', 'poll', 'commit'])
      expect(named(name).attributes).not.toHaveProperty('messaging.destination.name');
    expect(named('poll').attributes).not.toHaveProperty('messaging.destination.partition.id');
    const attributes = { 'dstream.operator': 'writeRows', 'dstream.id': 'store', 'dstream.partition': 1 };
    expect(named('writeRows store').attributes).toEqual(attributes);
  });

  it('of a save have the bytes of the checkpoint, where it knows them', async () => {
    const { tracer, named } = tracing();
    const directory = mkdtempSync(join(tmpdir(), 'dstream-spans-'));
    const checkpoint = fileCheckpoint(join(directory, 'checkpoint'));
    const stream = fromBatches([['a'], ['b']], {
      interval: 5,
      checkpoint,
      monitors: [opentelemetryMonitor({ tracer })],
    });
    await lastValueFrom(stream.pipe(foreachBatch(() => {})));
    rmSync(directory, { recursive: true });
    expect(named('save').attributes['dstream.checkpoint.bytes']).toBeGreaterThan(0);
  });

  it('are made by a tracer of the version and under the schema of the conventions', () => {
    const asked: unknown[] = [];
    const { tracer } = tracing();
    trace.setGlobalTracerProvider({
      getTracer: (...of) => {
        asked.push(of);
        return tracer;
      },
    });
    opentelemetryMonitor();
    trace.disable();
    expect(asked).toEqual([['dstream', version, { schemaUrl: 'https://opentelemetry.io/schemas/1.45.0' }]]);
  });

  it('write the deprecated names too where OTEL_SEMCONV_STABILITY_OPT_IN asks for them', () => {
    const { tracer, named } = tracing();
    vi.stubEnv('OTEL_SEMCONV_STABILITY_OPT_IN', 'http, messaging/dup');
    const monitors = [opentelemetryMonitor({ tracer })];
    vi.unstubAllEnvs();
    virtual((scheduler) => {
      const log = memoryLog({ topics: { orders: 1 }, scheduler });
      log.append('orders', [{ value: '1' }]);
      const stream = logBatches(asKafka(log), { ...options, checkpoint: memoryCheckpoint(), monitors });
      stream.pipe(foreachBatch(() => {})).subscribe();
      scheduler.schedule(() => void stream.stop(), 15);
    });
    expect(named('process orders').attributes['messaging.system']).toBe('kafka');
  });

  it('write the deprecated names too with messaging/dup', () => {
    const { tracer, named } = tracing();
    virtual((scheduler) => {
      const log = memoryLog({ topics: { orders: 1 }, scheduler });
      log.append('orders', [{ value: '1' }]);
      const monitors = [opentelemetryMonitor({ tracer, semconv: 'messaging/dup' })];
      const stream = logBatches(asKafka(log), { ...options, checkpoint: memoryCheckpoint(), monitors });
      stream.pipe(foreachBatch(() => {})).subscribe();
      scheduler.schedule(() => void stream.stop(), 15);
    });
    expect(named('process orders').attributes).toMatchObject({
      'messaging.system': 'kafka',
      'messaging.system.name': 'kafka',
      'messaging.kafka.cluster.id': 'c-1',
    });
  });

  it('have nothing below them of an empty batch that follows, whose timer began in an output', async () => {
    const { tracer, named } = tracing();
    const stream = fromBatches([['a'], []], { interval: 1, monitors: [opentelemetryMonitor({ tracer })] });
    const query = async (records: readonly string[]) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      tracer.startSpan(`SELECT ${records.length}`).end();
    };
    await lastValueFrom(stream.pipe(foreachBatch(query)));
    expect(named('SELECT 1').parentSpanContext).toEqual(named('foreachBatch').spanContext());
    expect(named('SELECT 0').parentSpanContext).toBeUndefined();
  });

  it('are none for an empty batch, nor for what only an output had to do', () => {
    const { tracer, spans } = tracing();
    virtual(() => {
      fromBatches([[], []], { interval: 10, monitors: [opentelemetryMonitor({ tracer })] })
        .pipe(foreachBatch(() => timer(1)))
        .subscribe();
    });
    expect(spans()).toEqual([]);
  });

  it.each([
    [undefined, undefined],
    [true, '"s3cret" is wrong'],
  ])('of a failed batch say what failed, and the message only with showErrors: %s', (showErrors, message) => {
    const { tracer, spans, named } = tracing();
    virtual(() => {
      fromBatches([['a']], {
        interval: 10,
        monitors: [opentelemetryMonitor({ tracer, ...(showErrors && { showErrors }) })],
      })
        .pipe(foreachBatch(() => throwError(() => new RangeError('"s3cret" is wrong'))))
        .subscribe({ error: () => {} });
    });
    for (const name of ['process batches', 'foreachBatch']) {
      expect(named(name).status).toEqual({ code: SpanStatusCode.ERROR, ...(message && { message }) });
      expect(named(name).attributes['error.type']).toBe('RangeError');
    }
    expect(named('dispatch').status.code).toBe(SpanStatusCode.UNSET);
    if (!showErrors)
      expect(
        JSON.stringify(spans().map(({ name, attributes, events, status }) => [name, attributes, events, status])),
      ).not.toContain('s3cret');
  });

  it('of a batch that could not be read are the batch and the request that failed', () => {
    const { tracer, spans } = tracing();
    virtual((scheduler) => {
      const log = memoryLog({ topics: { orders: 1 }, scheduler });
      log.append('orders', [{ value: '1' }]);
      scheduler.schedule(() => log.append('orders', [{ value: '2' }]), 15);
      let fetches = 0;
      const broken = logLike(asKafka(log), {
        fetch: (...call) => (fetches++ === 0 ? log.fetch(...call) : timer(4).pipe(map(fails))),
      });
      const monitors = [opentelemetryMonitor({ tracer })];
      logBatches(broken, { ...options, checkpoint: memoryCheckpoint(), monitors })
        .pipe(foreachBatch(() => {}))
        .subscribe({ error: () => {} });
    });
    const failed = spans().filter(({ status }) => status.code === SpanStatusCode.ERROR);
    expect(treeOf(failed)).toEqual(['process orders CONSUMER', '  poll orders CLIENT']);
    for (const { attributes } of failed) expect(attributes['error.type']).toBe('CONNECTION');
  });

  it('of a batch that was left open end as aborted', () => {
    const { tracer, named } = tracing();
    virtual((scheduler) => {
      const subscription = fromBatches([['a']], { interval: 10, monitors: [opentelemetryMonitor({ tracer })] })
        .pipe(foreachBatch(() => NEVER))
        .subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 25);
    });
    expect(named('process batches').attributes['dstream.result']).toBe('aborted');
    expect(named('process batches').endTime).toEqual([0, 25_000_000]);
  });

  it('link the producers that traceparent headers name, distinct ones, first come, and nothing else', () => {
    const { tracer, named } = tracing();
    const header = (value: string) => ['traceparent', new TextEncoder().encode(value)] as const;
    const producer = (n: number) => `00-${String(n).padStart(32, 'a')}-${String(n).padStart(16, 'b')}-01`;
    const run = (links: { max: number } | undefined) =>
      virtual((scheduler) => {
        const log = memoryLog({ topics: { orders: 1 }, scheduler });
        for (const value of [
          producer(1),
          producer(1),
          's3cret',
          `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`,
          producer(2),
          producer(3),
        ]) {
          log.append('orders', [{ value: '1', headers: [['other', null], header(value)] }]);
        }
        const monitors = [opentelemetryMonitor({ tracer, ...(links && { links }) })];
        const stream = logBatches(log, { ...options, checkpoint: memoryCheckpoint(), monitors });
        stream.pipe(foreachBatch(() => {})).subscribe();
        scheduler.schedule(() => void stream.stop(), 15);
      });
    run({ max: 4 });
    expect(
      named('process orders').links.map(({ context: { traceId, spanId, isRemote } }) => [traceId, spanId, isRemote]),
    ).toEqual([
      ['1'.padStart(32, 'a'), '1'.padStart(16, 'b'), true],
      ['2'.padStart(32, 'a'), '2'.padStart(16, 'b'), true],
    ]);
  });
});

class Reader extends MetricReader {
  protected async onShutdown(): Promise<void> {}
  protected async onForceFlush(): Promise<void> {}
}

/** The data points of each metric as lines of `name{attributes} value`; of a histogram its count and its sum. */
function pointsOf({ resourceMetrics }: CollectionResult): readonly string[] {
  return resourceMetrics.scopeMetrics.flatMap(({ metrics: found }) =>
    found.flatMap(({ descriptor: { name }, dataPoints, dataPointType }) =>
      dataPoints.flatMap(({ attributes, value }) => {
        const at = lineOf(attributes);
        if (dataPointType !== DataPointType.HISTOGRAM) return [`${name}${at} ${round(value as number)}`];
        const { count, sum = 0 } = value as { count: number; sum?: number };
        return [`${name}_count${at} ${count}`, `${name}_sum${at} ${round(sum)}`];
      }),
    ),
  );
}

function lineOf(attributes: Attributes): string {
  const named = Object.entries(attributes).filter(([name]) => !/^messaging\.(operation|system)/.test(name));
  return JSON.stringify(Object.fromEntries(named.sort(([a], [b]) => (a < b ? -1 : 1))));
}

const round = (value: number) => Math.round(value * 1e9) / 1e9;

const attributeOf: Readonly<Record<string, string>> = {
  topic: 'messaging.destination.name',
  partition: 'messaging.destination.partition.id',
  code: 'error.type',
};

/** The lines of Prometheus in the same form. */
function samplesOf(text: string): readonly string[] {
  const byName = new Map(Object.values(metrics).map((metric) => [`dstream_${metric.prometheus}`, metric]));
  return text.split('\n').flatMap((line) => {
    const [, name = '', labels = '', value = ''] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? [];
    const [, base = '', part = ''] = /^(.*?)(_count|_sum|_bucket)?$/.exec(name) ?? [];
    const metric = byName.get(name) ?? byName.get(base);
    if (!metric || part === '_bucket') return [];
    const attributes = Object.fromEntries(
      [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', text = '']) => [
        attributeOf[label] ?? `dstream.${label}`,
        text,
      ]),
    );
    return [`${metric.opentelemetry}${byName.has(name) ? '' : part}${lineOf(attributes)} ${round(Number(value))}`];
  });
}

describe('the metrics of opentelemetryMonitor', () => {
  it('are the numbers of Prometheus', async () => {
    const reader = new Reader();
    const meter = new MeterProvider({ readers: [reader] }).getMeter('test');
    const registry = new client.Registry();
    let text: Promise<string> | undefined;
    let collected: Promise<CollectionResult> | undefined;
    monitoredRun([prometheusMonitor({ client, registry }), opentelemetryMonitor({ meter })], () => {
      text = registry.metrics();
      collected = reader.collect();
    });
    const points = pointsOf((await collected) as CollectionResult);
    expect([...points].sort()).toEqual([...samplesOf((await text) ?? '')].sort());
    expect(points.length).toBeGreaterThan(50);
  });

  it('disappear with their stream, unless it failed', async () => {
    const reader = new Reader();
    const meter = new MeterProvider({ readers: [reader] }).getMeter('test');
    const monitor = opentelemetryMonitor({ meter });
    const run = (name: string, fails: boolean) =>
      virtual(() => {
        fromBatches([['a']], { interval: 10, name, monitors: [monitor] })
          .pipe(foreachBatch(() => (fails ? throwError(() => 'no') : of(0))))
          .subscribe({ error: () => {} });
      });
    run('over', false);
    run('failed', true);
    const points = pointsOf(await reader.collect()).filter((line) => line.startsWith('dstream.status'));
    expect(points.filter((line) => line.includes('"over"'))).toEqual([]);
    expect(points.filter((line) => line.endsWith(' 1'))).toEqual([expect.stringContaining('"failed"')]);
  });

  it('have the lag of standbys, as the observer of a group', async () => {
    const reader = new Reader();
    const monitor = opentelemetryMonitor({ meter: new MeterProvider({ readers: [reader] }).getMeter('test') });
    const event = { at: 0, groupId: 'g', memberId: 'm', generation: 1, tasks: ['3'] };
    monitor.next({ ...event, type: 'standby-behind', behind: 7 });
    monitor.next({ ...event, type: 'standby-behind', tasks: ['4'], behind: 9 });
    monitor.next({ ...event, type: 'standby-ended', tasks: ['4'] });
    const points = pointsOf(await reader.collect()).filter((line) => line.startsWith('dstream.standby.lag'));
    expect(points).toEqual([
      `dstream.standby.lag${lineOf({ 'dstream.task': '3', 'messaging.consumer.group.name': 'g' })} 7`,
    ]);
  });

  it('ask a stream of no known system for no snapshot by the batch', () => {
    const snapshotsOf = (batches: number): number => {
      const monitor = opentelemetryMonitor({ meter: new MeterProvider({ readers: [new Reader()] }).getMeter('test') });
      let snapshots = 0;
      const counting: StreamMonitor = {
        run: (stream) =>
          monitor.run({
            ...stream,
            snapshot: () => {
              snapshots++;
              return stream.snapshot();
            },
          }),
      };
      virtual(() => {
        const all = Array.from({ length: batches }, () => ['a']);
        fromBatches(all, { interval: 10, monitors: [counting] })
          .pipe(foreachBatch(() => {}))
          .subscribe();
      });
      return snapshots;
    };
    expect(snapshotsOf(1)).toBeGreaterThan(0);
    expect(snapshotsOf(9)).toBe(snapshotsOf(1));
  });
});

describe('opentelemetryMonitor', () => {
  it('does nothing, and costs little, where no SDK is registered', () => {
    const seen: unknown[] = [];
    virtual(() => {
      fromBatches([['a']], { interval: 10, monitors: [opentelemetryMonitor()] })
        .pipe(foreachBatch((records) => void seen.push(records)))
        .subscribe();
    });
    expect(seen).toEqual([['a']]);
    expect(trace.getActiveSpan()).toBeUndefined();
  });

  it('asks for headers only where links are wanted', () => {
    const stream = { name: 's', attempt: 0 } as never;
    const max = (run: RunMonitor | undefined) => run?.maxTraceParents;
    expect(max(opentelemetryMonitor().run(stream))).toBe(0);
    expect(max(opentelemetryMonitor({ links: { max: 32 } }).run(stream))).toBe(32);
  });

  it('refuses what is no tracer, no meter, and options out of range', () => {
    expect(() => opentelemetryMonitor({ tracer: {} as never })).toThrow(InvalidOptionError);
    expect(() => opentelemetryMonitor({ meter: {} as never })).toThrow(InvalidOptionError);
    expect(() => opentelemetryMonitor({ semconv: 'old' as never })).toThrow(InvalidOptionError);
    expect(() => opentelemetryMonitor({ links: { max: -1 } })).toThrow(InvalidOptionError);
    expect(() => opentelemetryMonitor({ maxPartitions: 0 })).toThrow(InvalidOptionError);
  });
});
