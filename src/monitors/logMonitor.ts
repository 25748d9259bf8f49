import type { BatchInfo } from '../batch/batchInfo.js';
import { messageOf } from '../batch/errors/messageOf.js';
import { DStreamError } from '../batch/errors.js';
import type { BatchFailure } from '../batch/monitoring/monitorEvents.js';
import type { MonitoredStream, RunMonitor, StreamMonitor } from '../batch/monitoring/streamMonitor.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { checkBoolean, checkNonNegative, withMethods } from '../options/checks.js';

/** One method of a logger: fields first, message second. */
export type LogMethod = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** A logger of pino's shape. */
export interface Logger {
  /** Logs what is of interest only in a search for a fault. */
  readonly debug: LogMethod;
  /** Logs what happens in normal work. */
  readonly info: LogMethod;
  /** Logs what may need attention. */
  readonly warn: LogMethod;
  /** Logs failures. */
  readonly error: LogMethod;
}

/** Options of `logMonitor`. */
export interface LogMonitorOptions {
  /**
   * A warning of one kind is logged at most once in this many ms of the stream's clock; the next one has the number of those
   * left out in `suppressed`.
   * @default 10_000
   */
  readonly every?: number | undefined;
  /**
   * Whether the messages of errors are logged. They may quote records: `"oops" is not valid JSON`.
   * @default false
   */
  readonly showErrors?: boolean | undefined;
}

/** What the monitor logs, in `event`. */
export type LogEvent =
  | 'started'
  | 'waiting'
  | 'recovered'
  | 'stopped'
  | 'falls-behind'
  | 'keeps-up'
  | 'rate-at-floor'
  | 'fixed-cost-over-interval'
  | 'processing-time-varies'
  | 'skipped'
  | 'lost'
  | 'fenced'
  | 'partition-retried'
  | 'partition-unavailable'
  | 'dead-lettered'
  | 'receiver-failed'
  | 'stalled'
  | 'failed'
  | 'batch';

const optionChecks: OptionChecks<LogMonitorOptions> = { every: checkNonNegative, showErrors: checkBoolean };

/**
 * Writes the life of streams to a logger. Every line has the fields `stream`, `event` and `batchTime`; no line has a key, a
 * value or a header of a record, nor the message of an error unless `showErrors` is set.
 *
 * | level | events |
 * | --- | --- |
 * | info | `waiting` (another stream has the checkpoint), `started`, `recovered`, `stopped` |
 * | warn | `falls-behind` and `keeps-up` (scheduling delay against the interval), `rate-at-floor`, `fixed-cost-over-interval`, `processing-time-varies`, `skipped`, `lost`, `fenced`, `partition-retried`, `partition-unavailable`, `dead-lettered`, `receiver-failed`, `stalled` |
 * | error | `failed`, with `code`, `stage`, `operator`, `id`, `topic`, `partition` and `offset` where the error has them |
 * | debug | `batch` |
 *
 * @throws {InvalidOptionError} when the logger lacks a method or an option is out of its range
 *
 * @see health
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, type LogMethod, logMonitor } from 'dstream';
 *
 * const print: LogMethod = ({ stream, event }, message) => console.log(stream, event, '-', message);
 * const logger = { debug: () => {}, info: print, warn: print, error: print };
 * fromBatches([['a']], { interval: 10, name: 'letters', monitors: [logMonitor(logger)] })
 *   .pipe(foreachBatch(() => {}))
 *   .subscribe();
 * // => letters started - stream started
 * // => letters stopped - stream completed
 * ```
 */
export function logMonitor(logger: Logger, options: LogMonitorOptions = {}): StreamMonitor {
  withMethods('debug', 'info', 'warn', 'error')('logMonitor', 'logger', logger);
  checkOptions('logMonitor', options, optionChecks);
  const { every = 10_000, showErrors = false } = options;
  return { run: (stream) => new RunLog(stream, logger, every, showErrors) };
}

class RunLog implements RunMonitor {
  readonly #stream: MonitoredStream;
  readonly #logger: Logger;
  readonly #every: number;
  readonly #showErrors: boolean;
  readonly #warned = new Map<LogEvent, { readonly at: number; suppressed: number }>();
  readonly #receiverErrors = new Map<string, unknown>();
  #batchTime: number | undefined;
  #behind = false;

  constructor(stream: MonitoredStream, logger: Logger, every: number, showErrors: boolean) {
    this.#stream = stream;
    this.#logger = logger;
    this.#every = every;
    this.#showErrors = showErrors;
  }

  status: NonNullable<RunMonitor['status']> = ({ status, previous, reason }) => {
    if (reason !== undefined) this.#log('info', 'waiting', 'another stream has the checkpoint', { reason });
    else if (status === 'running' && previous === 'recovering')
      this.#log('info', 'recovered', 'planned batches replayed');
    else if (status === 'running' && previous === 'connecting') this.#log('info', 'started', 'stream started');
    else if (status === 'recovering') this.#log('info', 'started', 'stream started, replaying planned batches');
    else if (status === 'stalled') this.#warn('stalled', 'no batch completes');
  };

  completed: NonNullable<RunMonitor['completed']> = (info) => {
    this.#batchTime = info.time;
    const { records, processingDelay, schedulingDelay, saveDelay } = info;
    this.#log('debug', 'batch', 'batch completed', { records, processingDelay, schedulingDelay, saveDelay });
    this.#delays(info);
    for (const [source, { skipped, skippedBy, lost, decision, unavailable }] of Object.entries(info.inputs)) {
      if (skipped) this.#warn('skipped', 'records skipped', { source, records: skipped, ...skippedBy });
      for (const { topic, partition, from, until } of lost ?? []) {
        this.#warn('lost', 'offsets lost', { source, topic, partition, from, until });
      }
      for (const { topic, partition, since, error } of unavailable ?? []) {
        const fields = { source, since, ...this.#fieldsOf(error), topic, partition };
        this.#warn('partition-unavailable', 'partition cannot be read', fields);
      }
      for (const warning of decision?.warnings ?? []) this.#warn(warning, 'rate controller warns', { source });
    }
  };

  retried: NonNullable<RunMonitor['retried']> = ({ operator, id, partition, attempt, error }) => {
    const fields = { operator, id, partition, attempt, ...this.#fieldsOf(error) };
    this.#warn('partition-retried', 'partition failed and runs again', fields);
  };

  deadLettered: NonNullable<RunMonitor['deadLettered']> = ({ operator, id, records, error }) => {
    const fields = { operator, id, records, ...this.#fieldsOf(error) };
    this.#warn('dead-lettered', 'records handed to the dead letters', fields);
  };

  receiver: NonNullable<RunMonitor['receiver']> = ({ source, index, state, restarts, retryAt, error }) => {
    const place = `${source}/${index}`;
    // A receiver that runs again still has the error that it had.
    const known = this.#receiverErrors.get(place) === error && state !== 'waiting' && state !== 'failed';
    this.#receiverErrors.set(place, error);
    if (error === undefined || known) return;
    const fields = { source, receiver: index, state, restarts, retryAt, ...this.#fieldsOf(error) };
    this.#warn('receiver-failed', 'receiver met an error', fields);
  };

  failed: NonNullable<RunMonitor['failed']> = (failure: BatchFailure) => {
    const { time, stage, operator, id, error, attempt } = failure;
    this.#batchTime = time ?? this.#batchTime;
    const fields = { stage, operator, id, attempt, ...this.#fieldsOf(error) };
    if (error instanceof DStreamError && error.code === 'FENCED')
      this.#warn('fenced', 'another process took over', fields);
    this.#log('error', 'failed', 'stream failed', fields);
  };

  ended: NonNullable<RunMonitor['ended']> = ({ reason }) => {
    if (reason !== 'failed') this.#log('info', 'stopped', `stream ${reason}`, { reason });
  };

  #delays({ schedulingDelay, interval }: BatchInfo): void {
    const behind = schedulingDelay > interval;
    if (behind) this.#warn('falls-behind', 'batches wait longer than an interval', { schedulingDelay, interval });
    else if (this.#behind) this.#warn('keeps-up', 'batches no longer wait', { schedulingDelay, interval });
    this.#behind = behind;
  }

  #warn(event: LogEvent, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const now = this.#stream.now();
    const last = this.#warned.get(event);
    if (last && now - last.at < this.#every) {
      last.suppressed++;
      return;
    }
    this.#warned.set(event, { at: now, suppressed: 0 });
    this.#log('warn', event, message, { ...fields, ...(last?.suppressed && { suppressed: last.suppressed }) });
  }

  #log(level: keyof Logger, event: LogEvent, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const present = Object.entries(fields).filter(([, value]) => value !== undefined);
    const all = { stream: this.#stream.name, event, batchTime: this.#batchTime, ...Object.fromEntries(present) };
    this.#logger[level](all, message);
  }

  #fieldsOf(error: unknown): Readonly<Record<string, unknown>> {
    const code = error instanceof DStreamError ? error.code : 'other';
    const { topic, partition, offset } = Object(error) as Readonly<Record<string, unknown>>;
    const place = error instanceof DStreamError ? { topic, partition, offset } : {};
    const message = this.#showErrors ? { error: messageOf(error) } : {};
    return { code, ...place, ...message };
  }
}
