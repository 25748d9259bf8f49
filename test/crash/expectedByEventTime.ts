import { type OfflineWindow, offline, offlineSessions, onTime, type Timed } from '../eventtime/offline.js';
import { eventJoin, eventsOf, eventWindow, partitions, sessionGap } from './records.js';

// What the outputs by event time must have written, from the records of each partition alone.

const timedOf = (partition: number): readonly Timed[] =>
  eventsOf(partition).map(({ at, key, sequence }): Timed => [at, key, sequence]);
const all = Array.from({ length: partitions }, (_, partition) => timedOf(partition));
const { outOfOrderness } = eventWindow;

const lineOf = (name: string, { key, start, end, records }: OfflineWindow) =>
  `${name} ${JSON.stringify([key, { start, end, value: records.length }])}`;

/** Windows, and what was late for them. */
export function expectedWindows(): readonly string[] {
  const { windows, late } = offline(all, { ...eventWindow, offset: 0, bounded: false });
  return [
    ...windows.map((each) => lineOf('event', each)),
    ...late.map(([time, key]) => `late ${JSON.stringify(`${key} at ${time}`)}`),
  ];
}

export function expectedSessions(): readonly string[] {
  const options = { outOfOrderness, gap: sessionGap, allowedLateness: 0, bounded: false };
  return offlineSessions(all, options).windows.map((each) => lineOf('session', each));
}

/** Each key and time once. */
export function expectedPassed(): readonly string[] {
  const { records } = onTime(all, { outOfOrderness, bounded: false });
  const passed = new Set(records.map(([time, key]) => `${key} at ${time}`));
  return Array.from(passed, (text) => `passed ${JSON.stringify(text)}`);
}

/** The records of partition 0, each with those of the others that are near it, or alone. */
export function expectedJoined(): readonly string[] {
  const { lower, upper } = eventJoin;
  const rule = { outOfOrderness, bounded: false };
  const { watermark } = onTime(all, rule);
  const left = onTime(all.slice(0, 1), rule).records;
  const right = onTime(all.slice(1), rule).records;
  return left.flatMap((one) => {
    const [leftTime, key, value] = one;
    const near = right.filter(([time, other]) => other === key && time - leftTime >= lower && time - leftTime <= upper);
    const paired = near.map(([rightTime, , other]) => ({ left: value, right: other, leftTime, rightTime }));
    const alone = near.length === 0 && watermark > leftTime + upper ? [{ left: value, leftTime }] : [];
    return [...paired, ...alone].map((match) => `joined ${JSON.stringify([key, match])}`);
  });
}
