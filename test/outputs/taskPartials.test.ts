import { InvalidRecordError } from 'dstream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TimedMessages } from '../../src/outputs/kafka/batchMessages.js';
import { messagesOf, type SavedPartial, type TaskPartial, TaskPartials } from '../../src/outputs/kafka/taskPartials.js';
import { propertySettings } from '../property/settings.js';

const sum = (a: number, b: number) => a + b;
const partialsOf = (tasks: number, kept = new Map<string | number, SavedPartial<number>>()) =>
  new TaskPartials(kept, tasks, sum);
const addAll = (all: readonly TaskPartial<number>[], partials: TaskPartials<number>) =>
  all.flatMap((partial) => {
    partials.add(partial);
    return partials.take();
  });

describe('partials of tasks', () => {
  it('are serialized once, at whatever time they are written', () => {
    let serialized = 0;
    const value = { toJSON: () => ++serialized };
    const messages = messagesOf('partials', { task: '3', time: 10, value });
    const idle = messagesOf('partials', { task: '3', time: 10 });
    const written = (of: TimedMessages, time: number) =>
      of(time)
        .get('partials')
        ?.map((message) => ({ ...message, value: JSON.parse(String(message.value)) }));
    for (const time of [10, 20]) {
      const place = { partition: 0, key: '3', timestamp: String(time) };
      expect(written(messages, time)).toEqual([{ ...place, value: { task: '3', time, value: 1 } }]);
      expect(written(idle, time)).toEqual([{ ...place, value: { task: '3', time } }]);
    }
    expect(serialized).toBe(1);
  });

  it('are a result once all tasks have reached its time', () => {
    const partials = partialsOf(2);
    expect(addAll([{ task: '0', time: 10, value: 1 }], partials)).toEqual([]);
    expect(partials.waitingFor).toEqual({ time: 10, tasks: ['1'] });
    expect(addAll([{ task: '0', time: 20, value: 2 }], partials)).toEqual([]);
    expect(addAll([{ task: '1', time: 10, value: 5 }], partials)).toEqual([{ time: 10, value: 6 }]);
    // It has passed 20 over, and has nothing for 30.
    expect(addAll([{ task: '1', time: 30 }], partials)).toEqual([{ time: 20, value: 2 }]);
    expect(partials.waitingFor).toBeUndefined();
    expect(addAll([{ task: '0', time: 40, value: 4 }], partials)).toEqual([]);
    expect(partials.waitingFor).toEqual({ time: 40, tasks: ['1'] });
  });

  it('of a time that the task has passed are refused, and those of one task too many', () => {
    const kept = new Map<string | number, SavedPartial<number>>();
    const partials = partialsOf(1, kept);
    addAll([{ task: '0', time: 20, value: 1 }], partials);
    for (const time of [10, 20]) {
      expect(() => partials.add({ task: '0', time, value: 1 })).toThrow(InvalidRecordError);
    }
    expect(() => partials.add({ task: '1', time: 30 })).toThrow('one of 2 tasks, which are more than the 1');
    expect([...kept]).toEqual([['0', { latest: 20 }]]);
  });

  it('of a job that had more tasks are refused, instead of waited for', () => {
    const kept = new Map<string | number, SavedPartial<number>>();
    const before = partialsOf(3, kept);
    addAll(
      ['0', '1', '2'].map((task) => ({ task, time: 10, value: 1 })),
      before,
    );
    expect(() => partialsOf(2, kept).add({ task: '0', time: 20, value: 1 })).toThrow('one of 3 tasks');
  });

  it('are saved each by itself, and go on after a restart', () => {
    const kept = new Map<string | number, SavedPartial<number>>();
    const partials = partialsOf(2, kept);
    const waiting = Array.from({ length: 100 }, (_, i) => ({ task: '0', time: 10 * (i + 1), value: i }));
    expect(addAll(waiting, partials)).toEqual([]);
    expect(kept.size).toBe(101);
    const restarted = partialsOf(2, kept);
    expect(restarted.waitingFor).toEqual({ time: 10, tasks: ['1'] });
    const results = addAll([{ task: '1', time: 1_000 }], restarted);
    expect(results).toEqual(waiting.map(({ time, value }) => ({ time, value })));
    expect([...kept.keys()]).toEqual(['0', '1']);
  });

  it('come to the same results in whatever order tasks are heard', () => {
    const tasks = fc.array(
      fc.uniqueArray(
        fc.record({ time: fc.integer({ min: 1, max: 12 }), value: fc.option(fc.nat(9), { nil: undefined }) }),
        { selector: ({ time }) => time, maxLength: 8 },
      ),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(tasks, fc.infiniteStream(fc.nat(3)), (partials, turns) => {
        const queues = partials.map((one, task) => {
          const inOrder = [...one].sort((a, b) => a.time - b.time);
          // In the end each task comes to the same time.
          return [...inOrder, { time: 13, value: undefined }].map(
            ({ time, value }): TaskPartial<number> => ({
              task: String(task),
              time,
              ...(value !== undefined && { value }),
            }),
          );
        });
        const interleaved: TaskPartial<number>[] = [];
        for (const turn of turns) {
          const left = queues.filter((queue) => queue.length > 0);
          if (left.length === 0) break;
          interleaved.push((left[turn % left.length] as TaskPartial<number>[]).shift() as TaskPartial<number>);
        }
        const expected = new Map<number, number>();
        for (const { time, value } of partials.flat()) {
          if (value !== undefined) expected.set(time, (expected.get(time) ?? 0) + value);
        }
        const results = addAll(interleaved, partialsOf(partials.length));
        expect(results).toEqual([...expected].sort(([a], [b]) => a - b).map(([time, value]) => ({ time, value })));
      }),
      propertySettings(1_000),
    );
  });
});
