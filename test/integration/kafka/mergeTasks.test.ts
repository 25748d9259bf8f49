import { randomUUID } from 'node:crypto';
import { type Checkpoint, countBatch, foreachBatch, memoryCheckpoint, type RecordView, string } from 'dstream';
import { kafkaBatches, kafkaTasks, mergeTasks } from 'dstream/kafka';
import {
  asyncScheduler,
  defer,
  filter,
  firstValueFrom,
  lastValueFrom,
  mergeMap,
  retry,
  type SchedulerLike,
  Subject,
  tap,
} from 'rxjs';
import { expect, it } from 'vitest';
import { standingCasesOfOutput } from '../../operators/standingOutputs.js';
import { describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';

const tasks = 3;
const total = 600;
const sum = (a: number, b: number) => a + b;

describeKafka('mergeTasks', () => {
  standingCasesOfOutput('mergeTasks', [1, 2], async () => {
    const kafka = newKafka();
    const [input, output, groupId] = [await makeTopic(kafka, 2), await makeTopic(kafka, 1), randomUUID()];
    const options = {
      topics: [input],
      groupId,
      commitOffsets: false,
      start: 'earliest',
      interval: 20,
      deserialize: (view: RecordView) => Number(view.valueText()),
    } as const;
    return {
      open: (records, batchObserver) =>
        defer(() =>
          produce(kafka, input, [records.map((value, partition) => ({ value: String(value), partition }))]),
        ).pipe(mergeMap(() => kafkaBatches(kafka, { ...options, batchObserver }))),
      output: mergeTasks<number>({ topic: output, tasks: 1, merge: sum }).write(kafka, { groupId }),
      passesOnFirst: true,
    };
  });

  it('has a result of all tasks for each time, once, over failures of both jobs', async () => {
    const kafka = newKafka();
    const [input, between] = [await makeTopic(kafka, tasks), await makeTopic(kafka, 1)];
    const groupId = randomUUID();
    await produce(kafka, input, [
      Array.from({ length: total }, (_, i) => ({ partition: i % 7 === 0 ? 0 : i % tasks, value: String(i) })),
    ]);
    const counts = mergeTasks<number>({
      topic: between,
      tasks,
      merge: sum,
      waiting: {
        next: ({ tasks: missing }) => {
          expect(missing.length).toBeLessThan(tasks);
        },
      },
    });

    let batches = 0;
    const counted = new Map<string, number>();
    const stores = new Map<string, Checkpoint>();
    const counting = kafkaTasks(kafka, {
      topics: [input],
      groupId,
      commitOffsets: false,
      start: 'earliest',
      interval: 50,
      maxRatePerPartition: 500,
      deserialize: string(),
      checkpoint: ({ id }) => {
        const store = stores.get(id) ?? memoryCheckpoint();
        stores.set(id, store);
        return store;
      },
    });
    const first = lastValueFrom(
      counting.pipe(
        mergeMap((task) =>
          task.pipe(
            countBatch(),
            tap(({ records: [n = 0], context: { time } }) => counted.set(`${task.task.id} ${time}`, n)),
            counts.write(kafka, { groupId }),
            // While the batch is being written.
            tap(() => {
              if (++batches % 5 === 0 && batches < 30) throw new Error('injected');
            }),
            retry(),
          ),
        ),
      ),
      { defaultValue: undefined },
    );

    const results: { readonly time: number; readonly value: number }[] = [];
    let seen = 0;
    const merging = kafkaBatches(kafka, { ...counts.source, interval: 50, checkpoint: memoryCheckpoint() });
    let failures = 5;
    await lastValueFrom(
      merging.pipe(
        counts.merge({ id: 'all' }),
        tap(({ size }) => {
          if (size > 0 && failures-- > 0) throw new Error('injected');
        }),
        foreachBatch((merged) => {
          results.push(...merged);
          seen = results.reduce((all, { value }) => all + value, 0);
          if (seen >= total) void merging.stop();
        }),
        retry(),
      ),
      { defaultValue: undefined },
    );
    await counting.stop();
    await first;
    expect(seen).toBe(total);
    const times = results.map(({ time }) => time);
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
    for (const { time, value } of results) {
      const ofTasks = Array.from({ length: tasks }, (_, task) => counted.get(`${task} ${time}`) ?? 0);
      expect(value).toBe(ofTasks.reduce(sum));
    }
    expect(failures).toBeLessThan(1);
  });

  it('counts all of a task once that goes to a process whose clock is late, without a checkpoint', async () => {
    const kafka = newKafka();
    const [input, between] = [await makeTopic(kafka, 2), await makeTopic(kafka, 1)];
    const groupId = randomUUID();
    const counts = mergeTasks<number>({ topic: between, tasks: 2, merge: sum });
    const lateBy = (ms: number): SchedulerLike => ({
      now: () => asyncScheduler.now() - ms,
      schedule: asyncScheduler.schedule.bind(asyncScheduler) as SchedulerLike['schedule'],
    });
    /** Counts `sent` records, and then goes on until `end`. */
    const count = async (scheduler: SchedulerLike, end: Promise<unknown>, sent = 100) => {
      const more = Array.from({ length: sent }, (_, i) => ({ partition: i % 2, value: String(i) }));
      if (sent > 0) await produce(kafka, input, [more]);
      const counting = kafkaTasks(kafka, {
        ...{ topics: [input], groupId, commitOffsets: false, start: 'earliest', interval: 50, scheduler },
        ...{ maxRatePerPartition: 100, deserialize: string() },
      });
      let seen = 0;
      await lastValueFrom(
        counting.pipe(
          mergeMap((task) => task.pipe(countBatch(), counts.write(kafka, { groupId }))),
          tap(({ records: [n = 0] }) => {
            seen += n;
            if (seen >= sent) void Promise.allSettled([end]).then(() => counting.stop());
          }),
        ),
        { defaultValue: undefined },
      );
    };
    const results: { readonly time: number; readonly value: number }[] = [];
    const seen = new Subject<number>();
    /** Until there is a result of this time or a later one. */
    const resultOf = (time: number) => firstValueFrom(seen.pipe(filter((last) => last >= time)));
    const merging = kafkaBatches(kafka, { ...counts.source, interval: 50 });
    const merged = lastValueFrom(
      merging.pipe(
        counts.merge(),
        foreachBatch((more) => {
          results.push(...more);
          for (const { time } of more) seen.next(time);
          if (results.reduce((all, { value }) => all + value, 0) >= 300) void merging.stop();
        }),
      ),
      { defaultValue: undefined },
    );
    merged.catch(() => {});
    await count(lateBy(0), Promise.resolve());
    // Without records too, its times are those after the last ones.
    await count(lateBy(600_000), resultOf(asyncScheduler.now()), 0);
    await count(lateBy(600_000), Promise.resolve());
    await count(lateBy(0), merged);
    await merged;
    expect(results.reduce((all, { value }) => all + value, 0)).toBe(300);
    const times = results.map(({ time }) => time);
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
    expect(times.filter((time) => time % 50 !== 0)).toEqual([]);
  });
});
