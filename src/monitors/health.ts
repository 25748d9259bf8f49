import type { GroupEvent } from '../batch/monitoring/groupEvent.js';
import type { GroupMonitor } from '../batch/monitoring/groupMonitor.js';
import type { MonitoredStream } from '../batch/monitoring/streamMonitor.js';
import type { StreamStatus } from '../batch/monitoring/streamStatus.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { checkNonNegative } from '../options/checks.js';

/** Options of `health`. */
export interface HealthOptions {
  /**
   * How long a stream may stay stalled before it is not live, in ms, on top of the stream's own `stallAfter`.
   * @default 0
   */
  readonly stallAfter?: number | undefined;
  /**
   * How long a stream may stay failed, with no new subscription, before it is not live, in ms.
   * @default 30_000
   */
  readonly failedAfter?: number | undefined;
}

/** One stream in a health report. */
export interface StreamHealth {
  /** The name of the stream. */
  readonly name: string;
  /** What the stream is doing. */
  readonly status: StreamStatus;
  /** For how long, in ms. */
  readonly for: number;
  /** How many subscriptions failed before this one. */
  readonly attempt: number;
}

/** Whether the process is live and ready, and the health of each stream. */
export interface HealthReport {
  /** No stream is stalled or failed for too long: if not, restart the process. */
  readonly live: boolean;
  /**
   * All streams that have not ended well are running, and there is one; or the process is a member of its group with nothing to do, on
   * standby.
   */
  readonly ready: boolean;
  /** In the order of their first subscription. */
  readonly streams: readonly StreamHealth[];
}

/** A monitor that answers liveness and readiness probes. As a `groupObserver` it knows of a process on standby, too. */
export interface Health extends GroupMonitor {
  /** Reports the health now. */
  check(): HealthReport;
}

const optionChecks: OptionChecks<HealthOptions> = { stallAfter: checkNonNegative, failedAfter: checkNonNegative };

/**
 * A monitor for health checks, of one stream or many: live while no stream is stalled, or failed for longer than `failedAfter`
 * without coming back; ready while all are running that have not ended well, as a task that went to another process. Streams of the same
 * name share one entry, so a `retry()` replaces what it retries.
 *
 * A process on standby (`membership: 'exclusive'`, or more processes than tasks) has no stream that runs. As the `groupObserver` of its
 * stream, too, the monitor is ready then.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 *
 * @see healthHandler
 * @see logMonitor
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, health } from 'dstream';
 *
 * const probes = health();
 * fromBatches([['a']], { interval: 10, name: 'letters', monitors: [probes] })
 *   .pipe(foreachBatch(() => console.log(probes.check().ready, probes.check().streams[0]?.status)))
 *   .subscribe();
 * // => true running
 * ```
 */
export function health(options: HealthOptions = {}): Health {
  checkOptions('health', options, optionChecks);
  const { stallAfter = 0, failedAfter = 30_000 } = options;
  const streams = new Map<string, MonitoredStream>();
  const groups = new Map<string, Membership>();
  const limits = new Map<StreamStatus, number>([
    ['stalled', stallAfter],
    ['failed', failedAfter],
  ]);
  return {
    run: (stream) => {
      streams.set(stream.name, stream);
      return {};
    },
    next: (event) => {
      groups.set(event.groupId, membershipAfter(event, groups.get(event.groupId)));
    },
    check: () => {
      const all = Array.from(streams.values(), healthOf);
      const dead = (stream: StreamHealth) => stream.for >= (limits.get(stream.status) ?? Infinity);
      const working = all.filter(({ status }) => status !== 'stopped');
      const isReady = working.length > 0 && working.every(({ status }) => status === 'running');
      const isWaiting = working.every(({ status }) => status === 'connecting');
      const onStandby = [...groups.values()].some(({ joined, tasks }) => joined && tasks.size === 0);
      return { live: !all.some(dead), ready: isReady || (onStandby && isWaiting), streams: all };
    },
  };
}

/** What this process is in a group. */
interface Membership {
  /** Whether its last change was that it has joined: a member that stops releases what it has, and joins no more. */
  readonly joined: boolean;
  readonly tasks: ReadonlySet<string>;
}

function membershipAfter({ type, tasks }: GroupEvent, before: Membership | undefined): Membership {
  const held = new Set(before?.tasks);
  if (type === 'assigned') for (const task of tasks) held.add(task);
  if (type === 'released' || type === 'lost') for (const task of tasks) held.delete(task);
  const joined = type === 'joined' || (before?.joined === true && type !== 'released' && type !== 'lost');
  return { joined, tasks: held };
}

function healthOf(stream: MonitoredStream): StreamHealth {
  const { name, attempt } = stream;
  const { status, since, at } = stream.snapshot();
  return { name, status, for: Math.max(at - since, 0), attempt };
}
