import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import {
  type BatchStream,
  foreachBatch,
  foreachPartition,
  health,
  healthHandler,
  logBatches,
  logMonitor,
  memoryLog,
  type RecordView,
  receiverBatches,
  type StreamMonitor,
} from 'dstream';
import { opentelemetryMonitor } from 'dstream/opentelemetry';
import { prometheusMonitor } from 'dstream/prometheus';
import * as client from 'prom-client';
import { type Observable, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { EventReader } from '../support/eventReader.js';
import { testBoard } from '../support/testBoard.js';
import { virtual } from '../support/virtual.js';

const secret = 's3cret';
const bytes = (text: string) => new TextEncoder().encode(text);

/** Runs a stream until it has said all it has to say, and returns what ends it. */
type Run = (monitors: readonly StreamMonitor[]) => Promise<() => void>;

/** A stream whose record has the secret in its key, value and headers. */
function logged(
  pipe: (stream: BatchStream<string>) => Observable<unknown>,
  deserialize: (view: RecordView) => string = () => secret,
): Run {
  return async (monitors) => {
    virtual((scheduler) => {
      const memory = memoryLog({ topics: { t: 1 }, scheduler });
      memory.append('t', [{ key: secret, value: secret, headers: [['traceparent', bytes(secret)]] }]);
      const stream = logBatches(memory, { topics: ['t'], start: 'earliest', interval: 10, deserialize, monitors });
      const subscription = pipe(stream).subscribe({ error: () => {} });
      scheduler.schedule(() => subscription.unsubscribe(), 25);
    });
    return () => {};
  };
}

/** A stream whose receiver has failed with what a client says of a record, and waits. */
function received(error: unknown): Run {
  return (monitors) =>
    new Promise((resolve) => {
      const subscription = receiverBatches<string>(
        ({ store, fail }) => {
          store(secret);
          fail(error);
        },
        {
          interval: 10,
          restart: 1e9,
          batchObserver: { next: () => resolve(() => subscription.unsubscribe()) },
          monitors,
        },
      )
        .pipe(foreachBatch(() => {}))
        .subscribe();
    });
}

/** Everything that the monitors say of a stream. */
async function everythingSaid(showErrors: boolean, run: Run) {
  const lines: unknown[] = [];
  const log = (fields: object, message: string) => lines.push({ ...fields, message });
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const registry = new client.Registry();
  const probes = health();
  const board = await testBoard({ showErrors });
  const monitors: readonly StreamMonitor[] = [
    logMonitor({ debug: log, info: log, warn: log, error: log }, { showErrors }),
    opentelemetryMonitor({ tracer: provider.getTracer('test'), links: { max: 8 }, showErrors }),
    prometheusMonitor({ client, registry }),
    probes,
    board,
  ];
  const end = await run(monitors);
  const spans = exporter.getFinishedSpans().map(({ name, attributes, events, links, status }) => {
    return { name, attributes, events, links, status };
  });
  const answer = await healthHandler(probes)(new Request('http://localhost/ready'));
  const page = await EventReader.open(`${board.url}api/events`);
  const shown = await page.next();
  const name = shown?.update.view?.name ?? '';
  const batches = (shown?.update.rows ?? []).map(({ id }) => fetch(`${board.url}api/batch?stream=${name}&id=${id}`));
  const opened = await Promise.all(batches.map(async (batch) => (await batch).text()));
  const streams = await (await fetch(`${board.url}api/streams`)).text();
  end();
  await board.close();
  return {
    board: JSON.stringify([shown, opened, streams]),
    log: JSON.stringify(lines),
    spans: JSON.stringify(spans),
    metrics: await registry.metrics(),
    health: await answer.text(),
  };
}

const fails = (): never => {
  throw new Error(`"${secret}" is not valid`);
};

/** As clients of databases have it: what they say of a record is a field of the error, which JSON writes. */
const detailed = Object.assign(new Error('duplicate key'), { detail: `Key (name)=(${secret}) already exists.` });

/** Any code may set the name of an error, also to what a record says. */
const named = Object.assign(new Error('no'), { name: secret });

const cases: readonly [string, Run][] = [
  ['whose deserialization fails', logged((stream) => stream.pipe(foreachBatch(() => {})), fails)],
  ['whose output fails', logged((stream) => stream.pipe(foreachBatch(() => throwError(fails))))],
  ['whose output fails with a name', logged((stream) => stream.pipe(foreachBatch(() => throwError(() => named))))],
  ['whose output throws', logged((stream) => stream.pipe(foreachBatch(fails)))],
  [
    'whose partition is retried and handed to the dead letters',
    logged((stream) =>
      stream.pipe(foreachPartition(fails, { retry: { count: 1, delay: 1 }, onError: { next: () => {} } })),
    ),
  ],
  ['whose receiver fails with a name', received(named)],
  ['whose receiver fails with fields', received(detailed)],
  ['whose receiver fails with a text', received(secret)],
];

describe('what a record says', () => {
  it.each(cases)('is in no metric, span, log line, page or answer, of one %s', async (_, run) => {
    const said = await everythingSaid(false, run);
    for (const [where, text] of Object.entries(said)) {
      expect(text, where).not.toContain(secret);
      expect(text.length, where).toBeGreaterThan(20);
    }
  });

  it('is in log lines, spans and on the page when the messages of errors are asked for, which quote it', async () => {
    const said = await everythingSaid(
      true,
      logged((stream) => stream.pipe(foreachBatch(() => throwError(fails)))),
    );
    expect(said.log).toContain(secret);
    expect(said.spans).toContain(secret);
    expect(said.board).toContain(secret);
    expect(said.metrics).not.toContain(secret);
  });
});
