import { foreachBatch, logTasks, memoryLog, string } from 'dstream';
import { memoryGroup } from 'dstream/testing';
import { mergeMap } from 'rxjs';
import { expect, it } from 'vitest';
import { testBoard } from '../support/testBoard.js';

it('/readyz: a member of a group without a task is ready, and a process that is no member is not', async () => {
  const log = memoryLog({ topics: { words: 1 } });
  const group = memoryGroup({ log });
  const start = async () => {
    const board = await testBoard();
    const isReady = async () => (await fetch(`${board.url}readyz`)).status === 200;
    const before = await isReady();
    const tasks = logTasks(log, group, {
      ...{ topics: ['words'], groupId: 'job', interval: 10, deserialize: string() },
      ...{ monitors: [board], groupObserver: board, sessionTimeout: 6_000, heartbeatInterval: 50 },
    });
    tasks.pipe(mergeMap((task) => task.pipe(foreachBatch(() => {})))).subscribe();
    while (!(await isReady()));
    return { before, board, tasks };
  };
  const first = await start();
  const standby = await start();
  const { streams } = await (await fetch(`${standby.board.url}api/streams`)).json();
  expect([first.before, standby.before, streams]).toEqual([false, false, []]);
  await first.tasks.stop();
  while ((await (await fetch(`${standby.board.url}api/streams`)).json()).streams[0]?.status !== 'running');
  expect((await fetch(`${standby.board.url}readyz`)).status).toBe(200);
  expect((await fetch(`${first.board.url}readyz`)).status).toBe(503);
  await standby.tasks.stop();
  await Promise.all([first, standby].map(({ board }) => board.close()));
});
