// The log that every life reads, and what comes of a record. Two files know it: the child that is killed, and the judge.

export const topic = 'events';
export const interval = 10;
export const window = 50;
export const slide = 20;
export const timeout = 30;
/** A key is forgotten when it has come so often, so that removal is tried too. */
export const enough = 6;
export const partitions = 3;
/** Windows by event time; some records are late for all of them, some for the first only. */
export const eventWindow = { window: 100, slide: 50, outOfOrderness: 20 };
/** Sessions and a join by event time: of some keys each session is short, others have one from the first record to the last. */
export const sessionGap = 60;
export const eventJoin = { lower: -30, upper: 10, join: 'left' } as const;
const recordsPerPartition = 120;

export interface Event {
  readonly key: string;
  readonly partition: number;
  /** Counted within the partition: by it a record that is lost or doubled is known. */
  readonly sequence: number;
  /** Event time, in ms. */
  readonly at: number;
}

/** The same at every call. */
export function eventsOf(partition: number): readonly Event[] {
  return Array.from({ length: recordsPerPartition }, (_, sequence) => {
    const key = `key-${(sequence * 7 + partition * 5 + (sequence % 11) * (sequence % 3)) % 13}`;
    const disorder = (sequence % 9 === 4 ? 30 : 0) + (sequence % 23 === 11 ? 400 : 0);
    return { key, partition, sequence, at: 1_000 + sequence * 10 - disorder };
  });
}

/** Numbers in [0, 1) that are the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
