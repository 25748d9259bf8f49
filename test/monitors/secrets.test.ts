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

/** Everything that the monitors say of a stream whose record has the secret in its key, value and headers. */
async function everythingSaid(
  showErrors: boolean,
  pipe: (stream: BatchStream<string>) => Observable<unknown>,
  deserialize: (view: RecordView) => string = () => secret,
) {
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
  virtual((scheduler) => {
    const memory = memoryLog({ topics: { t: 1 }, scheduler });
    memory.append('t', [{ key: secret, value: secret, headers: [['traceparent', bytes(secret)]] }]);
    const stream = logBatches(memory, { topics: ['t'], start: 'earliest', interval: 10, deserialize, monitors });
    const subscription = pipe(stream).subscribe({ error: () => {} });
    scheduler.schedule(() => subscription.unsubscribe(), 25);
  });
  const spans = exporter.getFinishedSpans().map(({ name, attributes, events, links, status }) => {
    return { name, attributes, events, links, status };
  });
  const answer = await healthHandler(probes)(new Request('http://localhost/ready'));
  const page = await EventReader.open(`${board.url}api/events`);
  const shown = await page.next();
  const batches = (shown?.update.rows ?? []).map(({ id }) => fetch(`${board.url}api/batch?stream=logBatches&id=${id}`));
  const opened = await Promise.all(batches.map(async (batch) => (await batch).text()));
  await board.close();
  return {
    board: JSON.stringify([shown, opened]),
    log: JSON.stringify(lines),
    spans: JSON.stringify(spans),
    metrics: await registry.metrics(),
    health: await answer.text(),
  };
}

const fails = (): never => {
  throw new Error(`"${secret}" is not valid`);
};

const cases: readonly [string, Parameters<typeof everythingSaid>[1], ((view: RecordView) => string)?][] = [
  ['whose deserialization fails', (stream) => stream.pipe(foreachBatch(() => {})), fails],
  ['whose output fails', (stream) => stream.pipe(foreachBatch(() => throwError(fails)))],
  ['whose output throws', (stream) => stream.pipe(foreachBatch(fails))],
  [
    'whose partition is retried and handed to the dead letters',
    (stream) => stream.pipe(foreachPartition(fails, { retry: { count: 1, delay: 1 }, onError: { next: () => {} } })),
  ],
];

describe('what a record says', () => {
  it.each(cases)('is in no metric, span, log line, page or answer, of one %s', async (_, pipe, deserialize) => {
    const said = await everythingSaid(false, pipe, deserialize);
    for (const [where, text] of Object.entries(said)) {
      expect(text, where).not.toContain(secret);
      expect(text.length, where).toBeGreaterThan(20);
    }
  });

  it('is in log lines, spans and on the page when the messages of errors are asked for, which quote it', async () => {
    const said = await everythingSaid(true, (stream) => stream.pipe(foreachBatch(() => throwError(fails))));
    expect(said.log).toContain(secret);
    expect(said.spans).toContain(secret);
    expect(said.board).toContain(secret);
    expect(said.metrics).not.toContain(secret);
  });
});
