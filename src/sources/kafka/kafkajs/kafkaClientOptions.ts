import type { Observer } from 'rxjs';
import type { OptionChecks } from '../../../options/checkOptions.js';
import { checkBoolean, checkObserver, checkPositive, oneOf } from '../../../options/checks.js';
import type { Resolved } from '../../../options/resolved.js';
import type { FetchRequest } from '../../log/logClient.js';
import type { IsolationLevel } from '../protocol/fetchProtocol.js';
import { nativeCrc32c } from './nativeCrc32c.js';

/** One Fetch request and what the broker returned, as `fetchObserver` receives it. */
export interface KafkaFetchEvent {
  /** Node id of the broker. */
  readonly broker: string;
  /** What was asked for: partitions, offsets and `maxBytes` of each. */
  readonly partitions: readonly FetchRequest[];
  /** Bytes of records received. */
  readonly bytes: number;
  /** How long the broker asks to be left alone because a quota is used up, in ms. The next request waits for it. */
  readonly throttleTime: number;
}

/** What a client of Kafka takes beside the `Kafka` of kafkajs. */
export interface KafkaClientOptions {
  /**
   * `'read_committed'` leaves out the records of open and aborted transactions; `'read_uncommitted'` reads them too.
   * @default 'read_committed'
   */
  readonly isolationLevel?: IsolationLevel | undefined;
  /**
   * Whether the checksum of every record batch is verified. With the optional peer `@node-rs/crc32` that takes about 4% of the
   * processor time of reading strings; without it up to 40%.
   * @default true where `@node-rs/crc32` is installed
   */
  readonly checkCrcs?: boolean | undefined;
  /**
   * How long a request is retried after a broker or a leader is lost, in ms.
   * @default 60000
   */
  readonly retryTimeout?: number | undefined;
  /** Receives every Fetch request once the broker has answered it. Only `next` is called. Default none. */
  readonly fetchObserver?: Partial<Observer<KafkaFetchEvent>> | undefined;
}

export type ResolvedKafkaClientOptions = Resolved<Omit<KafkaClientOptions, 'fetchObserver'>> & {
  readonly fetchObserver: Partial<Observer<KafkaFetchEvent>> | undefined;
};

/** What each option must be. */
export const kafkaClientChecks: OptionChecks<KafkaClientOptions> = {
  isolationLevel: oneOf('read_committed', 'read_uncommitted'),
  checkCrcs: checkBoolean,
  retryTimeout: checkPositive,
  fetchObserver: checkObserver,
};

/** The options with their defaults. The public function has checked them, with `kafkaClientChecks`. */
export function resolveKafkaClientOptions({
  isolationLevel = 'read_committed',
  checkCrcs = nativeCrc32c() !== undefined,
  retryTimeout = 60_000,
  fetchObserver,
}: KafkaClientOptions): ResolvedKafkaClientOptions {
  return { isolationLevel, checkCrcs, retryTimeout, fetchObserver };
}
