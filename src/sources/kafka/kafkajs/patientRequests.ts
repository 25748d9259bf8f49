import { type DStreamError, ProtocolError, TimedOutError, UnknownTopicError } from '../../../batch/errors.js';
import { unknownTopic } from '../protocol/errorCodes.js';
import { describeResources, type RequestResources } from '../protocol/requestResources.js';
import type { TopicLeaders } from './topicLeaders.js';
import { translateError } from './translateError.js';
import { withBackOff } from './withBackOff.js';

/** Pauses between the attempts of a request. */
const backOff = { firstPauseMs: 100, maxPauseMs: 1_000 } as const;

/** Requests that are sent again, with errors of our own. */
export class PatientRequests {
  readonly #leaders: TopicLeaders;
  readonly #timeout: number;
  readonly #signal: AbortSignal;

  /** `timeout`: for how long, in ms; `signal` ends it. */
  constructor(leaders: TopicLeaders, timeout: number, signal: AbortSignal) {
    this.#leaders = leaders;
    this.#timeout = timeout;
    this.#signal = signal;
  }

  /** Retries, with fresh metadata and growing pauses, what may succeed another time. */
  async retrying<R>(what: string, resources: RequestResources, request: () => Promise<R>): Promise<R> {
    const attempt = () =>
      request().catch((cause: unknown) => {
        throw translateError(cause, what, resources);
      });
    try {
      return await withBackOff(attempt, {
        ...backOff,
        timeoutMs: this.#timeout,
        late: () => new TimedOutError(`${what} of ${describeResources(resources)}`, this.#timeout),
        signal: this.#signal,
        isRetriable: (error) => !this.#signal.aborted && (error as DStreamError).retriable,
        beforeRetry: () => this.#leaders.refresh(),
      });
    } catch (error) {
      throw await this.explained(error as DStreamError);
    }
  }

  /** A broker that does not know a topic yet may learn of it; one that still does not is right. */
  async explained(error: DStreamError): Promise<DStreamError> {
    if (this.#signal.aborted || !(error instanceof ProtocolError) || error.kafkaError !== unknownTopic) return error;
    const absent = await this.#leaders.absent();
    return absent === undefined ? error : new UnknownTopicError(absent, { cause: error });
  }
}
