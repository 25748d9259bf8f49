import { memoryLog } from 'dstream';
import { memoryGroup } from 'dstream/testing';
import { expect, it } from 'vitest';
import type { Lease, Owner } from '../../../src/driver/ownership.js';
import type { AssignedTask } from '../../../src/sources/tasks/assignedTask.js';
import { TaskHost } from '../../../src/sources/tasks/taskHost.js';
import { VirtualClock } from '../../support/virtualClock.js';

const sessionTimeout = 1_000;
const drainMs = 500;

/** A process whose subscribers give tasks away at once, unless they hang. */
class Process {
  readonly said: string[] = [];
  readonly leases = new Map<string, Lease>();
  readonly host: TaskHost;
  readonly #name: string;
  readonly #clock: VirtualClock;
  hangs = false;

  constructor(name: string, clock: VirtualClock, { log, group }: { log: Log; group: Group }) {
    this.#name = name;
    this.#clock = clock;
    const times = { sessionTimeout, heartbeatInterval: 100, discoverInterval: 10_000, retryTimeout: 10_000 };
    const member = { groupId: 'job', instanceId: undefined, topics: ['words'], processId: name, ...times };
    this.host = new TaskHost(
      log,
      group.client(),
      {
        member: { ...member, scheduler: clock },
        ...{ owner: 'logTasks', interval: 100, drainMs, keysChecked: true, refusesUnclaimed: true },
      },
      {
        next: (task) => this.#claim(task),
        error: (error) => this.#say(`fails with ${error}`),
        complete: () => this.#say('completes'),
        opened: ({ id }) => this.#say(`opens ${id}`),
        closed: ({ id }) => this.#say(`closes ${id}`),
        happened: ({ type, tasks, step }) => {
          if (type === 'stuck') this.#say(`${step} ${tasks} is stuck`);
        },
        checkpointOf: () => undefined,
      },
    );
    this.host.start();
  }

  #claim(task: AssignedTask): void {
    const { id } = task.info;
    const owner: Owner = {
      assigned: () => {},
      lost: () => {},
      failed: () => {},
      release: () => {
        if (this.hangs) return;
        lease.released();
        lease.leave();
      },
      ended: () => {
        this.#say(`ends ${id}`);
        if (!this.hangs) lease.leave();
      },
    };
    const lease = task.claim(owner);
    this.leases.set(id, lease);
    lease.start();
  }

  #say(what: string): void {
    this.said.push(`${this.#clock.now()} ${this.#name} ${what}`);
  }
}

type Log = ReturnType<typeof memoryLog>;
type Group = ReturnType<typeof memoryGroup>;

it('a task whose release does not end is left behind, works elsewhere, and may come back beside what still hangs of it', () => {
  const clock = new VirtualClock();
  const log = memoryLog({ topics: { words: 2 }, scheduler: clock });
  const cluster = { log, group: memoryGroup({ log, scheduler: clock }) };
  const first = new Process('first', clock, cluster);
  first.hangs = true;
  const after = (time: number, act: () => void) => void clock.schedule(act, time);
  let second: Process | undefined;
  let hanging: Lease | undefined;
  after(1_000, () => {
    hanging = first.leases.get('1');
    second = new Process('second', clock, cluster);
  });
  after(7_000, () => second?.host.close());
  // What was left behind ends at last: its new life is another one's.
  after(8_000, () => hanging?.leave());
  after(9_000, () => {
    first.hangs = false;
    first.host.stop(drainMs, () => {});
  });
  clock.flush();
  const limit = 1_100 + drainMs + 2 * sessionTimeout;
  expect(first.said).toEqual([
    ...['0 first opens 0', '0 first opens 1'],
    ...[`${limit} first releasing 1 is stuck`, `${limit} first closes 1`, `${limit} first ends 1`],
    '7000 first opens 1',
    ...['9000 first ends 0', '9000 first closes 0', '9000 first ends 1', '9000 first closes 1', '9000 first completes'],
  ]);
  expect(second?.said).toEqual([`${limit + 100} second opens 1`, '7000 second ends 1', '7000 second closes 1']);
});
