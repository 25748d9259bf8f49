import type { Stage } from '../../batch/monitoring/stage.js';
import type { MonitoredStream, RunMonitor, StreamMonitor } from '../../batch/monitoring/streamMonitor.js';

/** What is needed of a channel of Node. */
interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: object): void;
}

interface StartChannel extends Channel {
  runStores<R>(message: object, work: () => R): R;
}

interface DiagnosticsChannels {
  channel(name: string): Channel;
}

/** The methods of a monitor that only listen: each has the channel `dstream:METHOD`. A record, so that none is forgotten. */
const methods: Readonly<Record<Exclude<keyof RunMonitor, 'stage' | 'maxTraceParents'>, true>> = {
  status: true,
  planned: true,
  fetched: true,
  read: true,
  receiver: true,
  completed: true,
  restarting: true,
  failed: true,
  retried: true,
  sent: true,
  deadLettered: true,
  synced: true,
  ended: true,
};

/** What the events of a stage have in common, as Node's own tracing channels do it. */
interface StageMessage {
  readonly stream: MonitoredStream;
  readonly stage: Stage;
  error?: unknown;
}

/**
 * Publishes what monitors receive on the channels of `node:diagnostics_channel`, so that a tool can watch every stream of a
 * process without a change to its code. Stages are published as a tracing channel is, `tracing:dstream:stage:start` and so on, so
 * that stores bound to it are those of the user's function.
 *
 * `undefined` on other platforms, and while nobody subscribes to any of the channels: a stream looks when it is subscribed.
 */
export function diagnosticsMonitor(): StreamMonitor | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const module = process?.getBuiltinModule?.('node:diagnostics_channel') as DiagnosticsChannels | undefined;
  if (!module) return undefined;
  const events = Object.keys(methods).map((method) => [method, module.channel(`dstream:${method}`)] as const);
  const stage = (event: string) => module.channel(`tracing:dstream:stage:${event}`);
  const stages = {
    start: stage('start') as StartChannel,
    end: stage('end'),
    error: stage('error'),
    asyncEnd: stage('asyncEnd'),
  };
  const wraps = Object.values(stages).some(({ hasSubscribers }) => hasSubscribers);
  if (!wraps && !events.some(([, { hasSubscribers }]) => hasSubscribers)) return undefined;
  return {
    run: (stream) => {
      const listening = events.map(([method, channel]) => {
        return [method, (event: object) => channel.publish({ stream, event })] as const;
      });
      const wrapping: RunMonitor = {
        stage: (step, work) => {
          const message: StageMessage = { stream, stage: step };
          step.onEnd((end) => {
            if ('error' in end) {
              message.error = end.error;
              stages.error.publish(message);
            }
            stages.asyncEnd.publish(message);
          });
          try {
            return stages.start.runStores(message, work);
          } finally {
            stages.end.publish(message);
          }
        },
      };
      return { ...Object.fromEntries(listening), ...(wraps && wrapping) };
    },
  };
}
