// A broker calls a producer fenced for one of three reasons: another process has taken its transactional id; the broker itself has aborted a
// transaction that took too long; or an InitProducerId of this process, which got no answer and was sent again, was processed after the
// second one. The last two are no takeover, and the same work succeeds once the id is taken again.
import { setTimeout as sleep } from 'node:timers/promises';
import { type DStreamError, FencedError, ProtocolError, TimedOutError } from '../../../batch/errors.js';
import {
  encodeDescribeTransactions,
  readDescribeTransactionsResponse,
  type TransactionState,
} from '../protocol/describeTransactionsProtocol.js';
import type { Broker, ProducerIdentity } from './kafkajsCluster.js';
import { errorType } from './offsetsOfMembers.js';
import { sendOverBroker } from './sendOverBroker.js';

const describeTransactions = { apiKey: 65, apiVersion: 0, apiName: 'DescribeTransactions' } as const;

/** What a broker calls an epoch that is over depends on its version and on the request. */
const isOver = /FENCED|INVALID_PRODUCER_EPOCH|INVALID_PRODUCER_ID_MAPPING/;

/** No client can tell it from a takeover: the broker keeps an epoch, and not who has raised it. */
const lateStart =
  'a process that was killed while it started had asked for the transactional id, and the broker got to it late: start this one again';

/** A request that got no answer is not processed later than that. */
const maxLatenessMs = 600_000;

/** Longer than a process that takes the id waits before it asks again, while the broker aborts the transaction that it has met. */
const takeoverMs = 2_000;

/** By transactional id, when InitProducerId requests of this process ended without an answer, on the monotonic clock. */
const unanswered = new Map<string, number[]>();

/** Who has the transactional id, as far as the coordinator has said. */
interface Owned {
  readonly coordinator: Broker;
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** The epoch of one producer, and why it is over. */
export class ProducerEpoch {
  readonly #transactionalId: string;
  readonly #timeoutMs: number;
  readonly #takeoverMs: number;
  #owned: Owned | undefined;
  /** When the first request of the open transaction was sent, on the monotonic clock. */
  #openedAt: number | undefined;

  /** `timeoutMs` is the transaction timeout. */
  constructor(transactionalId: string, timeoutMs: number, waitMs = takeoverMs) {
    this.#transactionalId = transactionalId;
    this.#timeoutMs = timeoutMs;
    this.#takeoverMs = waitMs;
  }

  /** Notes what is sent to a broker of kafkajs. */
  watch(broker: Broker): void {
    const init = broker.initProducerId;
    broker.initProducerId = async (request) => {
      try {
        return await init.call(broker, request);
      } catch (error) {
        // What a broker has answered it has processed.
        if (!(error instanceof Error && typeof errorType(error) === 'string')) noteUnanswered(this.#transactionalId);
        throw error;
      }
    };
    // Each transaction begins with one of these.
    const { addOffsetsToTxn, addPartitionsToTxn } = broker;
    broker.addOffsetsToTxn = (request) => {
      this.#begun(broker, request);
      return addOffsetsToTxn.call(broker, request);
    };
    broker.addPartitionsToTxn = (request) => {
      this.#begun(broker, request);
      return addPartitionsToTxn.call(broker, request);
    };
  }

  #begun(coordinator: Broker, { producerId, producerEpoch }: ProducerIdentity): void {
    this.#owned = { coordinator, producerId: BigInt(producerId), producerEpoch };
    this.#openedAt ??= performance.now();
  }

  /** The transaction has ended. */
  ended(): void {
    this.#openedAt = undefined;
  }

  /** What `error`, of the request `what`, means where it says that the epoch is over; `undefined` where it does not. */
  async whyOver(error: unknown, what: string): Promise<DStreamError | undefined> {
    const over = causeOver(error);
    if (over === undefined) return undefined;
    const id = this.#transactionalId;
    if (await this.#hasTimedOut()) {
      return new TimedOutError(`the transaction of "${id}"`, this.#timeoutMs, { cause: over });
    }
    if (takeUnanswered(id)) {
      const detail = `an earlier InitProducerId of this process for "${id}", which got no answer, was processed late`;
      return new ProtocolError(
        what,
        errorType(over) === undefined ? over.message : String(errorType(over)),
        true,
        { cause: over },
        detail,
      );
    }
    return new FencedError(`Kafka transactions of "${id}"`, lateStart);
  }

  /** Whether the broker has aborted the transaction by itself, and nobody has taken the id since. */
  async #hasTimedOut(): Promise<boolean> {
    const [owned, openedAt] = [this.#owned, this.#openedAt];
    if (!owned || openedAt === undefined || performance.now() - openedAt < this.#timeoutMs) return false;
    await sleep(this.#takeoverMs);
    try {
      const found = await describe(owned.coordinator, this.#transactionalId);
      const { errorCode, state, producerId, producerEpoch } = found;
      const isNext = producerId === owned.producerId && producerEpoch === owned.producerEpoch + 1;
      return errorCode === 0 && isNext && (state === 'PrepareAbort' || state === 'CompleteAbort');
    } catch {
      // It is not known, as with brokers before Kafka 3.0: a process that may have been fenced must not fence the other.
      return false;
    }
  }
}

function describe(broker: Broker, transactionalId: string): Promise<TransactionState> {
  const request = { ...describeTransactions, bytes: encodeDescribeTransactions(transactionalId) };
  return sendOverBroker(broker, request, readDescribeTransactionsResponse);
}

function causeOver(error: unknown): Error | undefined {
  for (let one = error; one instanceof Error; one = one.cause as unknown) {
    if (isOver.test(`${errorType(one) ?? ''} ${one.message}`)) return one;
  }
  return undefined;
}

function noteUnanswered(transactionalId: string): void {
  unanswered.set(transactionalId, [...recent(transactionalId), performance.now()]);
}

/** Whether there was one, which is then counted no more: each can fence once. */
function takeUnanswered(transactionalId: string): boolean {
  const [first, ...others] = recent(transactionalId);
  if (others.length > 0) unanswered.set(transactionalId, others);
  else unanswered.delete(transactionalId);
  return first !== undefined;
}

function recent(transactionalId: string): readonly number[] {
  const oldest = performance.now() - maxLatenessMs;
  return (unanswered.get(transactionalId) ?? []).filter((at) => at > oldest);
}
