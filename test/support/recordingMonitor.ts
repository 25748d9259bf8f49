import type { MonitoredStream, StreamMonitor } from 'dstream';

/** A monitor that writes down what it is told, a line each, with the time of the stream. */
export function recordingMonitor(): {
  readonly monitor: StreamMonitor;
  readonly lines: string[];
  streams: MonitoredStream[];
} {
  const lines: string[] = [];
  const streams: MonitoredStream[] = [];
  const monitor: StreamMonitor = {
    run: (stream) => {
      streams.push(stream);
      const note = (line: string) => lines.push(`${stream.now()} ${line}`);
      const named = (operator: string | undefined, id: string | undefined) =>
        [operator, id].filter((part) => part !== undefined).join(' ');
      note(`run ${stream.name} attempt ${stream.attempt}`);
      return {
        status: ({ status, error }) => note(`status ${status}${error === undefined ? '' : ` ${error}`}`),
        planned: ({ time, replayed }) => note(`planned ${time}${replayed ? ' again' : ''}`),
        stage: (stage, work) => {
          const { kind, time, operator, id } = stage;
          const what = `${kind} ${time} ${named(operator, id)}`.trim();
          note(what);
          stage.onEnd(({ error }) => note(`${what} ${error === undefined ? 'ended' : 'failed'}`));
          return work();
        },
        completed: ({ time }) => note(`completed ${time}`),
        failed: ({ time, stage, operator, id, error, attempt }) =>
          note(`failed ${time} ${stage} ${named(operator, id)} ${error} attempt ${attempt}`.replaceAll(/ +/g, ' ')),
        retried: ({ time, operator, partition, attempt }) =>
          note(`retried ${time} ${operator} ${partition} ${attempt}`),
        ended: ({ reason }) => note(`ended ${reason}`),
      };
    },
  };
  return { monitor, lines, streams };
}
