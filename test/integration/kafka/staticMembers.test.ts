import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { foreachBatch, type GroupEvent, string } from 'dstream';
import { kafkaTasks } from 'dstream/kafka';
import { mergeMap, type Subscription } from 'rxjs';
import { expect, it } from 'vitest';
import { describeKafka, makeTopic, newKafka } from '../../support/kafka.js';
import { nightly } from '../../support/nightly.js';

const partitions = 4;
const restarts = nightly ? 20 : 6;

describeKafka('static members', () => {
  it('come back within their sessions with the same tasks, in the same generation, the one that leads too', async () => {
    const [topic, groupId] = [await makeTopic(newKafka(), partitions), randomUUID()];
    const events: (GroupEvent & { readonly instanceId: string })[] = [];
    const start = (instanceId: string): Subscription =>
      kafkaTasks(newKafka(), {
        ...{ topics: [topic], groupId, instanceId, interval: 100, deserialize: string(), start: 'earliest' },
        // A broker of a test allows short ones. The members are back at once, on a busy machine too.
        sessionTimeout: 20_000,
        groupObserver: { next: (event) => void events.push({ ...event, instanceId }) },
      })
        .pipe(mergeMap((task) => task.pipe(foreachBatch(() => {}))))
        .subscribe();
    const names = ['pod-0', 'pod-1'];
    const members = names.map(start);
    const heldBy = (name: string) => {
      const held = new Set<string>();
      for (const { type, tasks, instanceId } of events) {
        if (instanceId !== name) continue;
        for (const id of tasks) {
          if (type === 'assigned') held.add(id);
          if (type === 'released') held.delete(id);
        }
      }
      return [...held].sort();
    };
    while (!names.every((name) => heldBy(name).length === partitions / 2)) await sleep(50);
    const [before, begun] = [names.map(heldBy), events.length];
    const generation = Math.max(...events.map((event) => event.generation));
    for (let restart = 0; restart < restarts; restart++) {
      const index = restart % names.length;
      const name = names[index] ?? '';
      // A static member does not leave its group.
      members[index]?.unsubscribe();
      const from = events.length;
      members[index] = start(name);
      while (!events.slice(from).some(({ type, instanceId }) => type === 'assigned' && instanceId === name))
        await sleep(20);
      expect(events.findLast(({ type }) => type === 'assigned')?.tasks.toSorted()).toEqual(before[index]);
    }
    const since = events.slice(begun);
    expect(since.map(({ type }) => type)).toEqual(
      Array.from({ length: restarts }, () => ['joined', 'assigned']).flat(),
    );
    expect(new Set(since.map((event) => event.generation))).toEqual(new Set([generation]));
    for (const member of members) member.unsubscribe();
  });
});
