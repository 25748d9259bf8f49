import { NEVER, Subject, VirtualTimeScheduler } from 'rxjs';
import { expect, it } from 'vitest';
import { StandbyTasks } from '../../../src/sources/tasks/standbyTasks.js';

it('claims how far copies are behind only while that is known, and none that has ended by itself', () => {
  const looks = new Subject<number | undefined>();
  const said: string[] = [];
  const copies = { place: 'here', exists: () => [false], follow: () => looks };
  const owner = {
    checkpointOf: () => ({ location: 'memory', copies, open: () => NEVER }),
    isBusy: () => false,
    closed: () => {},
    happened: (type: string) => void said.push(type),
  };
  const tasks = new StandbyTasks({ owner: 'kafkaTasks', standbys: 1 }, owner, new VirtualTimeScheduler());
  tasks.keep([{ id: '0', partitions: [{ topic: 't', partition: 0 }] }], 1);
  looks.next(0);
  expect(tasks.claims()?.copies).toEqual([{ task: '0', behind: 0 }]);
  looks.next(undefined);
  expect(tasks.claims()?.copies).toEqual([{ task: '0', behind: undefined }]);
  looks.next(20_000);
  expect(tasks.claims()?.copies).toEqual([{ task: '0', behind: 20_000 }]);
  looks.complete();
  expect(tasks.claims()?.copies).toEqual([]);
  expect(said).toEqual(['standby', 'standby-behind', 'standby-ended']);
});
