import type { EventClock } from '../../batch/eventTime.js';
import type { LateRecord } from '../eventWindowOptions.js';

/** A record that is late, at which the clock is; `before` is the watermark before its batch. */
export function lateRecord<T>(record: T, { time, floor, origin }: EventClock, before: number): LateRecord<T> {
  return { record, time, watermark: floor, reason: floor > before ? 'late' : origin.reason };
}
