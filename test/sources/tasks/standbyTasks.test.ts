import { NEVER, of, Subject, VirtualTimeScheduler } from 'rxjs';
import { expect, it } from 'vitest';
import { StandbyTasks } from '../../../src/sources/tasks/standbyTasks.js';
import type { CheckpointCopies, CopyLook } from '../../../src/state/checkpoint.js';

const newTasks = (
  copies: CheckpointCopies,
  said: string[] = [],
  busy: readonly string[] = [],
  making: () => void = () => {},
) => {
  const scheduler = new VirtualTimeScheduler(undefined, 200_000);
  const owner = {
    checkpointOf: () => {
      making();
      return { location: 'memory', copies, open: () => NEVER };
    },
    isBusy: (id: string) => busy.includes(id),
    isOpen: () => false,
    closed: () => {},
    happened: (type: string) => void said.push(type),
  };
  return { tasks: new StandbyTasks({ owner: 'kafkaTasks', standbys: 1 }, owner, scheduler), scheduler };
};
const task = { id: '0', partitions: [{ topic: 't', partition: 0 }] };
const info = { ...task, partition: 0, of: 1 };

it('claims how far copies are behind only while that is known, and none that has ended by itself', () => {
  const looks = new Subject<CopyLook | undefined>();
  const said: string[] = [];
  const copies = { place: 'here', exists: () => [false], follow: () => looks };
  const { tasks } = newTasks(copies, said);
  tasks.keep([task], 1);
  looks.next({ behind: 0, isWhole: true });
  expect(tasks.claims()?.copies).toEqual([{ task: '0', behind: 0 }]);
  looks.next(undefined);
  expect(tasks.claims()?.copies).toEqual([{ task: '0', behind: undefined }]);
  looks.next({ behind: 20_000, isWhole: true });
  expect(tasks.claims()?.copies).toEqual([{ task: '0', behind: 20_000 }]);
  looks.complete();
  expect(tasks.claims()?.copies).toEqual([]);
  expect(said).toEqual(['standby', 'standby-behind', 'standby-ended']);
});

it('claims a copy that is begun as no copy but one that goes on, until it has been whole', () => {
  const looks = new Subject<CopyLook | undefined>();
  const { tasks } = newTasks({ place: 'here', exists: () => [false], follow: () => looks });
  tasks.keep([task], 1);
  expect(tasks.claims()?.copies).toEqual([{ task: '0', behind: undefined, isBegun: true }]);
  looks.next({ behind: 5, isWhole: false });
  expect(tasks.claims()?.copies).toEqual([{ task: '0', behind: 5, isBegun: true }]);
  looks.next({ behind: 0, isWhole: true });
  expect(tasks.claims()?.copies).toEqual([{ task: '0', behind: 0 }]);
  tasks.keep([], 1);
  expect(tasks.claims()?.copies).toEqual([{ task: '0', behind: 0 }]);
});

it('claims no copy that nobody follows any more and that has been deleted, or has become too old', () => {
  let isThere = true;
  const { tasks, scheduler } = newTasks({ place: 'here', exists: () => [isThere], follow: () => NEVER });
  tasks.look(of([task])).subscribe();
  tasks.keep([], 1);
  expect(tasks.claims()?.copies).toEqual([{ task: '0', behind: undefined }]);
  scheduler.schedule(() => {
    isThere = false;
  }, 90_000);
  scheduler.schedule(() => expect(tasks.claims()?.copies).toHaveLength(1), 110_000);
  scheduler.schedule(() => {
    expect(tasks.claims()?.copies).toEqual([]);
    tasks.close();
  }, 130_000);
  scheduler.flush();
});

it('goes on when the checkpoint of a task cannot be made any more', () => {
  let throws = false;
  const copies = { place: 'here', exists: () => [true], follow: () => NEVER };
  const { tasks, scheduler } = newTasks(copies, [], [], () => {
    if (throws) throw new Error('no checkpoint');
  });
  tasks.look(of([task])).subscribe();
  tasks.keep([], 1);
  throws = true;
  tasks.freed(info);
  scheduler.schedule(() => tasks.close(), 130_000);
  scheduler.flush();
  expect(tasks.claims()?.copies).toEqual([{ task: '0', behind: undefined }]);
});

it('claims of a task that was its own the copy that it left, and of one that it works on the copy that it keeps', () => {
  const busy: string[] = [];
  let isThere = false;
  const { tasks, scheduler } = newTasks({ place: 'here', exists: () => [isThere], follow: () => NEVER }, [], busy);
  tasks.look(of([task])).subscribe();
  tasks.keep([], 1);
  busy.push('0');
  isThere = true;
  scheduler.schedule(() => {
    expect(tasks.claims()?.copies).toEqual([{ task: '0', behind: 0 }]);
    busy.pop();
    isThere = false;
    tasks.freed(info);
    expect(tasks.claims()?.copies).toEqual([]);
    isThere = true;
    tasks.freed(info);
    expect(tasks.claims()?.copies).toEqual([{ task: '0', behind: undefined }]);
    tasks.close();
  }, 70_000);
  scheduler.flush();
});

it('says that nobody knows how far a copy is behind when no look has ended for half a minute, and again once one has', () => {
  const looks = new Subject<CopyLook | undefined>();
  const said: string[] = [];
  const { tasks, scheduler } = newTasks({ place: 'here', exists: () => [true], follow: () => looks }, said);
  const saidAt = (at: number, events: readonly string[]) =>
    scheduler.schedule(() => expect(said.splice(0)).toEqual(events), at);
  const look = (at: number, behind: number | undefined) =>
    scheduler.schedule(() => looks.next(behind === undefined ? behind : { behind, isWhole: true }), at);
  tasks.keep([task], 1);
  look(0, 20_000);
  look(5_000, 20_000);
  // The brokers are away: looks fail, or do not end.
  look(6_000, undefined);
  saidAt(34_999, ['standby', 'standby-behind']);
  saidAt(35_001, ['standby-stale']);
  look(36_000, undefined);
  look(100_000, 20_000);
  saidAt(100_001, ['standby-behind']);
  look(110_001, 0);
  scheduler.schedule(() => tasks.keep([], 1), 110_002);
  saidAt(150_000, ['standby-behind', 'standby-ended']);
  scheduler.schedule(() => expect(tasks.claims()?.copies).toEqual([{ task: '0', behind: undefined }]), 99_000);
  scheduler.schedule(() => tasks.close(), 160_000);
  scheduler.flush();
});
