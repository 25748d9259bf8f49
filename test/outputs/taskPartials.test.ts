import { InvalidRecordError } from 'dstream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addPartial,
  type TaskPartial,
  type WaitingPartials,
  waitingFor,
} from '../../src/outputs/kafka/taskPartials.js';
import { propertySettings } from '../property/settings.js';

const sum = (a: number, b: number) => a + b;
const empty = (): WaitingPartials<number> => ({ latest: {}, pending: [] });
const addAll = (partials: readonly TaskPartial<number>[], tasks: number, state = empty()) =>
  partials.flatMap((partial) => addPartial(state, partial, tasks, sum));

describe('partials of tasks', () => {
  it('are a result once all tasks have reached its time', () => {
    const state = empty();
    expect(addAll([{ task: '0', time: 10, value: 1 }], 2, state)).toEqual([]);
    expect(waitingFor(state, 2)).toEqual({ time: 10, tasks: ['1'] });
    expect(addAll([{ task: '0', time: 20, value: 2 }], 2, state)).toEqual([]);
    expect(addAll([{ task: '1', time: 10, value: 5 }], 2, state)).toEqual([{ time: 10, value: 6 }]);
    // It has passed 20 over, and has nothing for 30.
    expect(addAll([{ task: '1', time: 30 }], 2, state)).toEqual([{ time: 20, value: 2 }]);
    expect(waitingFor(state, 2)).toBeUndefined();
    expect(addAll([{ task: '0', time: 40, value: 4 }], 2, state)).toEqual([]);
    expect(waitingFor(state, 2)).toEqual({ time: 40, tasks: ['1'] });
  });

  it('of a time that the task has passed are refused, and those of one task too many', () => {
    const state = empty();
    addAll([{ task: '0', time: 20, value: 1 }], 1, state);
    for (const time of [10, 20]) {
      expect(() => addPartial(state, { task: '0', time, value: 1 }, 1, sum)).toThrow(InvalidRecordError);
    }
    expect(() => addPartial(state, { task: '1', time: 30 }, 1, sum)).toThrow('one task more than the 1');
    expect(state).toEqual({ latest: { 0: 20 }, pending: [] });
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
        const results = addAll(interleaved, partials.length);
        expect(results).toEqual([...expected].sort(([a], [b]) => a - b).map(([time, value]) => ({ time, value })));
      }),
      propertySettings(1_000),
    );
  });
});
