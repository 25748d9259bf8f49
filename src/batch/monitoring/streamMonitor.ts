import type { BatchInfo } from '../batchInfo.js';
import type {
  BatchFailure,
  BatchPlanned,
  BatchRead,
  FetchEvent,
  LogSynced,
  PartitionRetried,
  RecordsDeadLettered,
  RecordsSent,
  StreamEnd,
  StreamRestart,
} from './monitorEvents.js';
import type { ReceiverStatus } from './receiverStatus.js';
import type { Stage } from './stage.js';
import type { StreamSnapshot } from './streamSnapshot.js';
import type { StatusChange } from './streamStatus.js';

/** The stream of one subscription, as a monitor sees it. */
export interface MonitoredStream {
  /** The `name` of the stream: by default the kind of its source. */
  readonly name: string;
  /** How many subscriptions of this stream failed before this one: 0 at first, and after one that ended well. */
  readonly attempt: number;
  /** The batch interval in ms, at first where intervals change. */
  readonly interval: number;
  /** The kind of each source, such as `kafkaBatches`, by the name of the source. */
  readonly sources: Readonly<Record<string, string>>;
  /** Where the checkpoint is kept, where there is one. */
  readonly checkpoint: string | undefined;
  /** The clock of the stream's scheduler, in ms. */
  now(): number;
  /** Everything that can be known of the stream now. */
  snapshot(): StreamSnapshot;
}

/** What a monitor receives about one subscription. Every method is optional, and none is called after `ended`. */
export interface RunMonitor {
  /**
   * Asks for the `traceparent` headers of records in `read`: at most this many distinct ones a batch. Where no monitor asks, no
   * header is read.
   * @default 0
   */
  readonly maxTraceParents?: number;
  /** The status changed. The first is `connecting`, right after `run`. */
  status?(change: StatusChange): void;
  /** The offset ranges of a batch are fixed. */
  planned?(batch: BatchPlanned): void;
  /** A request for records was answered, or failed. */
  fetched?(event: FetchEvent): void;
  /** The records of a batch have been read; its dispatch follows. */
  read?(batch: BatchRead): void;
  /** A receiver of a source changed its status, or reported an error and goes on. */
  receiver?(change: ReceiverStatus & { readonly source: string }): void;
  /**
   * Runs a stage of a batch: must call `work` exactly once and return its result. A context that is active around that call
   * (an `AsyncLocalStorage`, a span) is the context of everything that the user's function starts.
   */
  stage?<R>(stage: Stage, work: () => R): R;
  /** A batch is complete and its progress saved. In the order of the batches. */
  completed?(info: BatchInfo): void;
  /** The stream failed and starts again by itself: `failed` and `ended` follow, and then another `run`. */
  restarting?(event: StreamRestart): void;
  /** The stream failed. */
  failed?(failure: BatchFailure): void;
  /** An effect on a partition failed and will run again. */
  retried?(event: PartitionRetried): void;
  /** An output wrote records to a topic, or failed to. */
  sent?(event: RecordsSent): void;
  /** Records that failed permanently were handed to a dead-letter Observer or topic. */
  deadLettered?(event: RecordsDeadLettered): void;
  /** A write-ahead log made records durable, or failed to. */
  synced?(event: LogSynced): void;
  /** The subscription ended; nothing follows. */
  ended?(end: StreamEnd): void;
}

/**
 * Watches streams: the `monitors` of a stream, one or several, for one stream or many. Metrics, traces, logs, health checks
 * and dashboards are monitors.
 *
 * A monitor that throws is reported once, as RxJS reports an error that nobody handles (`config.onUnhandledError`), and
 * receives nothing more about that subscription. It never fails a batch.
 */
export interface StreamMonitor {
  /** Called at each subscription. Returns what watches it, or nothing to ignore it. */
  run(stream: MonitoredStream): RunMonitor | undefined;
}
