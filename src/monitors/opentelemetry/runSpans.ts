import {
  type Attributes,
  type Context,
  context as contexts,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { InputInfo } from '../../batch/batchInfo.js';
import type { BatchFailure, BatchPlanned, BatchRead, RecordsSent } from '../../batch/monitoring/monitorEvents.js';
import type { Stage, StageEnd } from '../../batch/monitoring/stage.js';
import type { MonitoredStream, RunMonitor } from '../../batch/monitoring/streamMonitor.js';
import type { SourceClient } from '../../batch/monitoring/streamSnapshot.js';
import { clientAttributes, only } from './attributes.js';
import { hrTime } from './hrTime.js';
import { PollSpans } from './pollSpans.js';
import { attribute, own } from './semconv.js';
import { failureOf, type SpanOutcome } from './spanOutcome.js';
import { traceLinks } from './traceLinks.js';

const ms = 1_000;

/** The spans of a batch that has records. */
interface BatchSpans {
  readonly process: Span;
  readonly context: Context;
  readonly inputs: Readonly<Record<string, Pick<InputInfo, 'ranges'>>>;
  /** Effects that have not ended, the latest last. */
  readonly effects: { readonly stage: Stage; readonly context: Context }[];
}

/**
 * The spans of one subscription:
 *
 *     process TOPIC           CONSUMER, a root: from the start of processing to its end; of a batch with records
 *     ├── poll TOPIC          CLIENT, one a request whose records the batch has
 *     ├── dispatch            INTERNAL
 *     ├── foreachBatch        INTERNAL, one an effect, active while the user's function runs
 *     │   └── send TOPIC      CLIENT
 *     ├── save                INTERNAL
 *     └── commit TOPIC        CLIENT
 */
export class RunSpans implements RunMonitor {
  readonly maxTraceParents: number;
  readonly #stream: MonitoredStream;
  readonly #tracer: Tracer;
  readonly #outcome: SpanOutcome;
  readonly #polls: PollSpans;
  readonly #planned = new Map<number, BatchPlanned>();
  readonly #batches = new Map<number, BatchSpans>();
  #clients: Readonly<Record<string, SourceClient>> | undefined;

  constructor(stream: MonitoredStream, tracer: Tracer, outcome: SpanOutcome, maxLinks: number) {
    this.#stream = stream;
    this.#tracer = tracer;
    this.#outcome = outcome;
    this.#polls = new PollSpans(tracer, outcome);
    this.maxTraceParents = maxLinks;
  }

  planned(batch: BatchPlanned): void {
    this.#planned.set(batch.time, batch);
  }

  readonly fetched: NonNullable<RunMonitor['fetched']> = (event) => this.#polls.remember(event);

  read(batch: BatchRead): void {
    this.#planned.delete(batch.time);
    if (batch.records === 0) return;
    const { context, inputs } = this.#begin(batch, traceLinks(batch.traceParents));
    for (const [source, { ranges }] of Object.entries(inputs)) {
      this.#polls.write(source, ranges, this.#clientOf(source), context);
    }
  }

  stage<R>(stage: Stage, work: () => R): R {
    const batch = this.#batches.get(stage.time);
    if (!batch) return withoutSpan(work);
    const span = this.#startStage(stage, batch);
    if (!span) return work();
    // What was active stays, such as baggage; only the span is another.
    const context = trace.setSpan(contexts.active(), span);
    const effect = { stage, context };
    if (stage.kind === 'effect') batch.effects.push(effect);
    stage.onEnd((end) => {
      const at = batch.effects.indexOf(effect);
      if (at >= 0) batch.effects.splice(at, 1);
      this.#endStage(span, stage, end);
    });
    return contexts.with(context, work);
  }

  sent(event: RecordsSent): void {
    const { time, operator, id, topic, records, startTime, duration } = event;
    const batch = this.#batches.get(time);
    if (!batch) return;
    const effect = batch.effects.findLast(({ stage }) => stage.operator === operator && stage.id === id);
    const attributes = {
      [attribute.system]: event.system,
      [attribute.operationName]: 'send',
      [attribute.operationType]: 'send',
      [attribute.destination]: topic,
      [attribute.batchMessageCount]: records,
    };
    const span = this.#start(`send ${topic}`, SpanKind.CLIENT, startTime, attributes, effect?.context ?? batch.context);
    this.#outcome.end(span, startTime + duration, failureOf(event));
  }

  readonly completed: NonNullable<RunMonitor['completed']> = ({ time, processingEndTime }) => {
    const batch = this.#batches.get(time);
    this.#batches.delete(time);
    if (batch) this.#outcome.end(batch.process, processingEndTime);
  };

  failed({ time, stage, error }: BatchFailure): void {
    if (time === undefined) return;
    const batch = this.#batches.get(time) ?? this.#unread(time);
    this.#batches.delete(time);
    if (!batch) return;
    if (stage === 'fetch') this.#polls.writeFailed(error, (source) => this.#clientOf(source), batch.context);
    this.#outcome.end(batch.process, this.#stream.now(), { error });
  }

  readonly ended: NonNullable<RunMonitor['ended']> = ({ at }) => {
    for (const { process } of this.#batches.values()) {
      process.setAttribute(own.result, 'aborted');
      this.#outcome.end(process, at);
    }
    this.#batches.clear();
    this.#planned.clear();
  };

  /** A batch that failed before its records were read. */
  #unread(time: number): BatchSpans | undefined {
    const planned = this.#planned.get(time);
    if (!planned) return undefined;
    const { interval, submissionTime, inputs } = planned;
    let records = 0;
    for (const { ranges } of Object.values(inputs)) for (const { from, until } of ranges) records += until - from;
    if (records === 0) return undefined;
    const unread = Object.entries(inputs).map(([name, input]) => [name, { ...input, records: 0 }] as const);
    const times = { time, interval, submissionTime, processingStartTime: submissionTime };
    return this.#begin({ ...times, records, inputs: Object.fromEntries(unread) }, []);
  }

  #begin(batch: Omit<BatchRead, 'traceParents'>, links: ReturnType<typeof traceLinks>): BatchSpans {
    const { time, inputs, processingStartTime } = batch;
    const topic = only(topicsOf(Object.values(inputs)));
    const options = {
      kind: SpanKind.CONSUMER,
      root: true,
      startTime: hrTime(processingStartTime),
      attributes: this.#outcome.complete(this.#processAttributes(batch, topic)),
      links,
    };
    const process = this.#tracer.startSpan(topic === undefined ? 'process' : `process ${topic}`, options, ROOT_CONTEXT);
    const spans = { process, context: trace.setSpan(ROOT_CONTEXT, process), inputs, effects: [] };
    this.#batches.set(time, spans);
    return spans;
  }

  #processAttributes(batch: Omit<BatchRead, 'traceParents'>, topic: string | undefined): Attributes {
    const { time, interval, submissionTime, processingStartTime, records, inputs } = batch;
    const input = only(Object.values(inputs));
    const clients = Object.keys(inputs).map((source) => clientAttributes(this.#clientOf(source)));
    return {
      ...commonOf(clients),
      [attribute.operationName]: 'process',
      [attribute.operationType]: 'process',
      [attribute.destination]: topic,
      [attribute.batchMessageCount]: records,
      [own.stream]: this.#stream.name,
      [own.batchTime]: time,
      [own.batchInterval]: interval / ms,
      [own.schedulingDelay]: (processingStartTime - submissionTime) / ms,
      [own.rateLimit]: input?.rate,
      [own.rateRule]: input?.decision?.rule,
    };
  }

  #startStage(stage: Stage, { context, inputs }: BatchSpans): Span | undefined {
    const now = this.#stream.now();
    const { kind, operator, id, partition } = stage;
    if (kind !== 'effect' && kind !== 'commit') return this.#start(kind, SpanKind.INTERNAL, now, {}, context);
    if (kind === 'effect') {
      const name = id === undefined ? String(operator) : `${operator} ${id}`;
      const attributes = { [own.operator]: operator, [own.id]: id, [own.partition]: partition };
      return this.#start(name, SpanKind.INTERNAL, now, attributes, context);
    }
    const groups = Object.keys(inputs).filter((source) => this.#clientOf(source).groupId !== undefined);
    // A source that commits nothing at a broker.
    if (groups.length === 0) return undefined;
    const topic = only(topicsOf(groups.map((source) => inputs[source] as Pick<InputInfo, 'ranges'>)));
    const attributes = {
      ...commonOf(groups.map((source) => clientAttributes(this.#clientOf(source)))),
      [attribute.operationName]: 'commit',
      [attribute.operationType]: 'settle',
      [attribute.destination]: topic,
    };
    return this.#start(topic === undefined ? 'commit' : `commit ${topic}`, SpanKind.CLIENT, now, attributes, context);
  }

  #endStage(span: Span, { kind }: Stage, end: StageEnd): void {
    if (kind === 'save') {
      const bytes = this.#stream.checkpoint === undefined ? undefined : this.#stream.snapshot().checkpoint?.bytes;
      if (bytes !== undefined) span.setAttribute(own.checkpointBytes, bytes);
    }
    this.#outcome.end(span, end.endTime, failureOf(end));
  }

  #start(name: string, kind: SpanKind, at: number, attributes: Attributes, parent: Context): Span {
    const options = { kind, startTime: hrTime(at), attributes: this.#outcome.complete(attributes) };
    return this.#tracer.startSpan(name, options, parent);
  }

  /** Asked once: it does not change while the stream runs. */
  #clientOf(source: string): SourceClient {
    this.#clients ??= Object.fromEntries(
      Object.entries(this.#stream.snapshot().inputs).map(([name, { client }]) => [name, client ?? {}]),
    );
    return this.#clients[source] ?? {};
  }
}

/** Runs `work` below no span: its timer may have begun in an output of an earlier batch, whose span would be its parent. */
function withoutSpan<R>(work: () => R): R {
  const active = contexts.active();
  return trace.getSpan(active) ? contexts.with(trace.deleteSpan(active), work) : work();
}

function topicsOf(inputs: readonly Pick<InputInfo, 'ranges'>[]): readonly string[] {
  return inputs.flatMap(({ ranges }) => ranges.filter(({ from, until }) => until > from).map(({ topic }) => topic));
}

/** What all have in common. */
function commonOf([first = {}, ...others]: readonly Attributes[]): Attributes {
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => others.every((attributes) => attributes[name] === value)),
  );
}
