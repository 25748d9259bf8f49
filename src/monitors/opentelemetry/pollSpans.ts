import { type Attributes, type Context, SpanKind, type Tracer } from '@opentelemetry/api';
import type { FetchEvent } from '../../batch/monitoring/monitorEvents.js';
import type { SourceClient } from '../../batch/monitoring/streamSnapshot.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { partitionKey } from '../../batch/topicPartition.js';
import { clientAttributes, only } from './attributes.js';
import { hrTime } from './hrTime.js';
import { attribute, own } from './semconv.js';
import { failureOf, type SpanOutcome } from './spanOutcome.js';

/** More requests than any read-ahead has under way; what is older belongs to no batch that is still to come. */
const maxRemembered = 4_096;

/**
 * Remembers requests until the batches that have their records are dispatched, for a span must not tell of what was read ahead
 * before it is known which batch that is for.
 */
export class PollSpans {
  readonly #tracer: Tracer;
  readonly #outcome: SpanOutcome;
  #fetches: FetchEvent[] = [];

  constructor(tracer: Tracer, outcome: SpanOutcome) {
    this.#tracer = tracer;
    this.#outcome = outcome;
  }

  remember(event: FetchEvent): void {
    if (event.received.length === 0 && !failureOf(event)) return;
    this.#fetches.push(event);
    if (this.#fetches.length > maxRemembered) this.#fetches.shift();
  }

  /** A span for each request that had records of these ranges; what they have used up is forgotten. */
  write(source: string, ranges: readonly OffsetRange[], client: SourceClient, parent: Context): void {
    const byPartition = new Map(ranges.map((range) => [partitionKey(range), range]));
    const left: FetchEvent[] = [];
    for (const event of this.#fetches) {
      if (event.source !== source) {
        left.push(event);
        continue;
      }
      const taken = event.received.flatMap((received) => {
        const range = byPartition.get(partitionKey(received));
        const from = Math.max(received.from, range?.from ?? 0);
        const until = Math.min(received.until, range?.until ?? 0);
        return from < until ? [{ ...received, from, until }] : [];
      });
      if (taken.length > 0) this.#write(event, taken, client, parent);
      const isUsedUp = (one: OffsetRange) => one.until <= (byPartition.get(partitionKey(one))?.until ?? -1);
      if (!event.received.every(isUsedUp)) left.push(event);
    }
    this.#fetches = left;
  }

  /** The span of the request that failed with this error. */
  writeFailed(error: unknown, clientOf: (source: string) => SourceClient, parent: Context): void {
    const event = this.#fetches.find((fetch) => failureOf(fetch) && fetch.error === error);
    if (event) this.#write(event, [], clientOf(event.source), parent);
  }

  #write(event: FetchEvent, taken: readonly OffsetRange[], client: SourceClient, parent: Context): void {
    const { startTime, duration, host, port, partitions, bytes } = event;
    const places = taken.length > 0 ? taken : partitions;
    const topic = only(places.map((place) => place.topic));
    const partition = only(places.map(partitionKey)) === undefined ? undefined : places[0]?.partition;
    const attributes: Attributes = {
      ...clientAttributes(client),
      [attribute.operationName]: 'poll',
      [attribute.operationType]: 'receive',
      [attribute.destination]: topic,
      [attribute.destinationPartition]: partition === undefined ? undefined : String(partition),
      [attribute.batchMessageCount]: taken.reduce((sum, { from, until }) => sum + until - from, 0),
      [attribute.serverAddress]: host,
      [attribute.serverPort]: port,
      [own.fetchBytes]: bytes,
    };
    const options = {
      kind: SpanKind.CLIENT,
      startTime: hrTime(startTime),
      attributes: this.#outcome.complete(attributes),
    };
    const span = this.#tracer.startSpan(topic === undefined ? 'poll' : `poll ${topic}`, options, parent);
    this.#outcome.end(span, startTime + duration, failureOf(event));
  }
}
