import { type DStreamError, TimedOutError } from '../../../batch/errors.js';
import { partitionKey, type TopicPartition } from '../../../batch/topicPartition.js';
import { responseError } from '../protocol/errorCodes.js';
import type { IsolationLevel } from '../protocol/fetchProtocol.js';
import type { ListedOffset } from '../protocol/listOffsetsProtocol.js';
import type { KafkajsPort } from './kafkajsPort.js';
import { translateError } from './translateError.js';

/** How long brokers are waited for once another one has answered, be it with an error. */
const patienceMs = 1_000;

/** Which offset of each partition. */
export interface OffsetQuestion {
  /** In ms since the epoch; -1 is the end of a partition, -2 its beginning. */
  readonly timestamp: number;
  readonly isolationLevel: IsolationLevel;
}

/** A partition without an offset, and why. */
export interface FailedOffset {
  readonly partition: TopicPartition;
  readonly error: DStreamError;
}

/** What is known of partitions after their leaders have been asked. */
export interface AskedOffsets {
  readonly listed: readonly ListedOffset[];
  readonly failed: readonly FailedOffset[];
}

/** A request that was not waited for, and its answer once there is one. */
interface LateCall {
  answer: AskedOffsets | undefined;
}

/**
 * Asks the leaders of partitions for offsets, all at once. A broker that is silent does not hold up what the others have answered: it
 * is not asked again until it has settled, and what it answers in the end is used for the next question.
 */
export class OffsetAsker {
  readonly #port: KafkajsPort;
  readonly #late = new Map<string, LateCall>();

  constructor(port: KafkajsPort) {
    this.#port = port;
  }

  async ask(byLeader: ReadonlyMap<string, readonly TopicPartition[]>, question: OffsetQuestion): Promise<AskedOffsets> {
    const found = new Map<string, AskedOffsets>();
    const calls = [...byLeader].map(async ([leader, led]) => {
      const answer = await this.#askOne(leader, led, question);
      found.set(leader, answer);
      return answer;
    });
    await settledSoon(calls);
    for (const [i, [leader, led]] of [...byLeader].entries()) {
      if (!found.has(leader)) found.set(leader, this.#leave(calls[i] as Promise<AskedOffsets>, leader, led, question));
    }
    const answers = [...found.values()];
    return { listed: answers.flatMap(({ listed }) => listed), failed: answers.flatMap(({ failed }) => failed) };
  }

  async #askOne(leader: string, led: readonly TopicPartition[], question: OffsetQuestion): Promise<AskedOffsets> {
    const late = this.#late.get(keyOf(leader, question));
    if (late && !late.answer) return silent(leader, led);
    this.#late.delete(keyOf(leader, question));
    if (late?.answer && covers(late.answer, led)) return late.answer;
    try {
      const answers = await this.#port.listOffsets(leader, led, question.timestamp, question.isolationLevel);
      const listed = answers.filter(({ errorCode }) => errorCode === 0);
      const failed = answers.flatMap((partition) => {
        const { topic, errorCode } = partition;
        if (errorCode === 0) return [];
        return [{ partition, error: responseError('ListOffsets', errorCode, { topics: [topic] }) }];
      });
      return { listed, failed };
    } catch (cause) {
      const error = translateError(cause, 'ListOffsets', led.map(partitionKey).join(', '));
      return { listed: [], failed: led.map((partition) => ({ partition, error })) };
    }
  }

  /** Waits for the call no longer. */
  #leave(
    call: Promise<AskedOffsets>,
    leader: string,
    led: readonly TopicPartition[],
    question: OffsetQuestion,
  ): AskedOffsets {
    const late: LateCall = { answer: undefined };
    this.#late.set(keyOf(leader, question), late);
    void call.then((answer) => {
      late.answer = answer;
    });
    return silent(leader, led);
  }
}

function keyOf(leader: string, { timestamp, isolationLevel }: OffsetQuestion): string {
  return `${leader} ${timestamp} ${isolationLevel}`;
}

function silent(leader: string, led: readonly TopicPartition[]): AskedOffsets {
  const error = new TimedOutError(`ListOffsets of node ${leader}`, patienceMs);
  return { listed: [], failed: led.map((partition) => ({ partition, error })) };
}

/** Whether there is an offset for exactly these partitions. */
function covers({ listed }: AskedOffsets, asked: readonly TopicPartition[]): boolean {
  const known = new Set(listed.map(partitionKey));
  return known.size === asked.length && asked.every((partition) => known.has(partitionKey(partition)));
}

/** Resolves when all have settled, or some time after the first. */
async function settledSoon(calls: readonly Promise<unknown>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const soon = new Promise<void>((resolve) => {
    const wait = (): void => {
      timer ??= setTimeout(resolve, patienceMs);
    };
    for (const call of calls) void call.then(wait);
  });
  await Promise.race([Promise.all(calls), soon]);
  clearTimeout(timer);
}
