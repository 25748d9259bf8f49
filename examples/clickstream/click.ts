import { type MemoryLog, memoryLog } from 'dstream';

/** A visitor opens a page. */
export interface Click {
  readonly user: string;
  readonly page: string;
  /** When, in ms since the epoch. */
  readonly at: number;
}

export const topic = 'clicks';
export const partitions = 3;

const pages = ['/', '/', '/', '/cart', '/cart', '/help', '/shoes', '/shoes', '/hats', '/sale'];
const start = Date.UTC(2026, 0, 5, 9);

/** The same clicks at each call: of some 400 visitors, about ten a second, and not quite in order. */
export function* clicks(count: number): Generator<Click> {
  let seed = 1;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed >>> 8) % below;
  };
  for (let i = 0; i < count; i++) {
    const page = pages[random(pages.length)] as string;
    yield { user: `user-${random(400)}`, page, at: start + i * 100 + random(3_000) };
  }
}

/** A click as it is written: by visitor, so that those of one visitor stay in order. */
export const recordOf = (click: Click) => ({ key: click.user, value: JSON.stringify(click) });

/**
 * The log where there is no Kafka: in memory, and filled with the same clicks at each start, so that a process which was killed finds it as
 * it was.
 */
export function embeddedLog(count: number): MemoryLog {
  const log = memoryLog({ topics: { [topic]: partitions } });
  log.append(topic, [...clicks(count)].map(recordOf));
  return log;
}
