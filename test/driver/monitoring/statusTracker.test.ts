import { describe, expect, it } from 'vitest';
import {
  type StatusChange,
  type StatusTrigger,
  type StreamStatus,
  statusTransitions,
} from '../../../src/batch/monitoring/streamStatus.js';
import { StatusTracker } from '../../../src/driver/monitoring/statusTracker.js';

/** What leads to each status from the beginning. */
const paths: Readonly<Record<StreamStatus, readonly StatusTrigger[]>> = {
  connecting: [],
  recovering: ['opened'],
  running: ['recovered'],
  stalled: ['recovered', 'overdue'],
  stopping: ['stop'],
  stopped: ['end'],
  failed: ['error'],
};
const triggers: readonly StatusTrigger[] = [
  'opened',
  'replayed',
  'recovered',
  'overdue',
  'progressed',
  'stop',
  'end',
  'error',
];

describe('StatusTracker', () => {
  it.each(Object.keys(paths) as StreamStatus[])('goes on from %s by the table, and tells each change once', (from) => {
    for (const trigger of triggers) {
      const changes: StatusChange[] = [];
      const tracker = new StatusTracker(0, (change) => changes.push(change));
      for (const step of paths[from]) tracker.trigger(step, 1);
      expect(tracker.status).toBe(from);
      changes.length = 0;
      tracker.trigger(trigger, 5);
      const to = statusTransitions[from][trigger];
      expect(tracker.status).toBe(to ?? from);
      expect(changes).toEqual(to ? [{ status: to, previous: from, at: 5 }] : []);
      if (to) expect(tracker.since).toBe(5);
    }
  });

  it('leaves no status after the end, and ends from every other', () => {
    for (const [status, transitions] of Object.entries(statusTransitions)) {
      const over = status === 'stopped' || status === 'failed';
      expect(Object.keys(transitions).includes('error')).toBe(!over);
      expect(Object.keys(transitions).includes('end')).toBe(!over);
    }
  });

  it('tells the error with failed', () => {
    const changes: StatusChange[] = [];
    new StatusTracker(0, (change) => changes.push(change)).trigger('error', 3, { error: 'e' });
    expect(changes.at(-1)).toEqual({ status: 'failed', previous: 'connecting', at: 3, error: 'e' });
  });
});
