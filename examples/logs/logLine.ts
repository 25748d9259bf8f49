import { type MemoryLog, memoryLog, type RecordView } from 'dstream';

/** A line that a service has written. */
export interface LogLine {
  /** Unique: where the line is in the log. */
  readonly id: string;
  readonly service: string;
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
}

export const topics = { lines: 'log-lines', dead: 'log-lines-dead' } as const;
export const partitions = 2;

const services = ['cart', 'search', 'payments', 'mail'];

/** The same lines at each call: one in ten is an error, and one in a hundred is no JSON. */
export function* lines(count: number): Generator<string> {
  for (let i = 0; i < count; i++) {
    const service = services[(i * 7) % services.length];
    const level = i % 10 === 3 ? 'error' : i % 10 === 6 ? 'warn' : 'info';
    const line = JSON.stringify({ service, level, message: `request ${i}` });
    yield i % 100 === 42 ? line.slice(0, -5) : line;
  }
}

/** For the source: a line that is no JSON throws, and becomes a dead letter. */
export function deserialize(view: RecordView): LogLine {
  return { ...JSON.parse(view.valueText() ?? ''), id: `${view.topic}-${view.partition}-${view.offset}` };
}

/** The log where there is no Kafka: in memory, and filled with the same lines at each start. */
export function embeddedLog(count: number): MemoryLog {
  const log = memoryLog({ topics: { [topics.lines]: partitions } });
  log.append(
    topics.lines,
    [...lines(count)].map((value) => ({ value })),
  );
  return log;
}
