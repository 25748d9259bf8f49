import { memoryLog } from 'dstream';
import { memoryGroup } from 'dstream/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GroupMember } from '../../src/sources/group/groupMember.js';
import { taskPerPartition } from '../../src/sources/group/groupTask.js';
import { StoppableProcess } from '../support/stoppableProcess.js';
import { VirtualClock } from '../support/virtualClock.js';
import { propertySettings } from './settings.js';

const sessionTimeout = 1_000;
const heartbeatInterval = 100;
const maxDrainMs = 700;
const groupId = 'job';

/** What happens to one process. */
const event = fc.record({
  after: fc.integer({ min: 0, max: 900 }),
  process: fc.nat(4),
  kind: fc.constantFrom('kill', 'stop', 'leave', 'start', 'start', 'continue', 'partitions'),
});
const history = fc.record({
  events: fc.array(event, { minLength: 1, maxLength: 14 }),
  /** How long each process takes to drain a task, in ms; one that hangs never does. */
  drains: fc.array(fc.oneof({ arbitrary: fc.integer({ min: 0, max: maxDrainMs }), weight: 4 }, fc.constant(Infinity)), {
    minLength: 5,
    maxLength: 5,
  }),
  isStatic: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
  tasks: fc.integer({ min: 1, max: 6 }),
});
type History = typeof history extends fc.Arbitrary<infer H> ? H : never;

/** A process: a member, and the tasks that it believes to be its own. */
class Process {
  readonly life: StoppableProcess;
  readonly member: GroupMember;
  readonly tasks = new Map<string, 'working' | 'draining'>();
  failed = false;

  constructor(scheduler: VirtualClock, group: ReturnType<typeof memoryGroup>, drainMs: number, instanceId?: string) {
    this.life = new StoppableProcess(scheduler);
    const options = { groupId, instanceId, protocol: 'dstream-1', topics: ['words'], layout: taskPerPartition };
    const times = {
      sessionTimeout,
      heartbeatInterval,
      discoverInterval: 500,
      retryTimeout: 60_000,
      drainMs: maxDrainMs,
    };
    this.member = new GroupMember(
      this.life.connected(group.client()),
      { ...options, ...times, processId: 'a process', scheduler: this.life },
      {
        assigned: (added) => {
          for (const { id } of added) {
            expect(this.tasks.has(id), `task ${id} is assigned twice`).toBe(false);
            this.tasks.set(id, 'working');
          }
        },
        release: (given) => {
          for (const { id } of given) {
            expect(this.tasks.get(id)).toBe('working');
            this.tasks.set(id, 'draining');
            if (drainMs === Infinity) continue;
            this.life.schedule(() => {
              if (this.tasks.get(id) !== 'draining') return;
              this.tasks.delete(id);
              this.member.released(id);
            }, drainMs);
          }
        },
        lost: (gone) => {
          for (const { id } of gone) expect(this.tasks.delete(id), `task ${id} was not held`).toBe(true);
        },
        overdue: ({ id }) => {
          expect(drainMs, `the drain of task ${id}`).toBe(Infinity);
          expect(this.tasks.delete(id), `task ${id} was not held`).toBe(true);
        },
        failed: () => {
          this.failed = true;
        },
        happened: () => {},
      },
    );
    this.member.start();
  }

  /** The tasks that a commit would be accepted for. */
  committing(group: ReturnType<typeof memoryGroup>): readonly string[] {
    return [...this.tasks.keys()].filter((id) => {
      try {
        const membership = this.member.membership(id);
        if (membership) group.checkCommit(groupId, membership);
        return membership !== undefined;
      } catch {
        return false;
      }
    });
  }
}

/** What must hold in every history: one member at most may commit for a task, and every task is owned again when all is quiet. */
function live({ events, drains, isStatic, tasks }: History): void {
  const scheduler = new VirtualClock();
  const log = memoryLog({ topics: { words: tasks }, scheduler });
  const group = memoryGroup({ log, scheduler });
  const processes: (Process | undefined)[] = [];
  let partitions = tasks;
  const start = (index: number): void => {
    const instanceId = isStatic[index] ? `pod-${index}` : undefined;
    processes[index] = new Process(scheduler, group, drains[index] ?? 0, instanceId);
  };
  const check = (): void => {
    const committing = processes.flatMap((process) => process?.committing(group) ?? []);
    expect(new Set(committing).size, `tasks with an owner: ${committing}`).toBe(committing.length);
  };
  const apply = ({ process: index, kind }: (typeof events)[number]): void => {
    const process = processes[index];
    if (kind === 'partitions') log.createTopic('words', ++partitions);
    else if (kind === 'start') {
      if (!process) start(index);
    } else if (kind === 'kill') {
      process?.life.kill();
      processes[index] = undefined;
    } else if (kind === 'stop') process?.life.stop();
    else if (kind === 'continue') process?.life.continue();
    else if (process?.life.running) {
      process.member.leave().subscribe();
      process.tasks.clear();
      processes[index] = undefined;
    }
  };
  start(0);
  let time = 0;
  for (const one of events) {
    time += one.after;
    scheduler.schedule(() => apply(one), time);
  }
  const stopped = (process: Process | undefined) => process && !process.life.running;
  scheduler.schedule(() => {
    for (const process of processes) if (stopped(process)) process?.life.continue();
    if (!processes.some((process) => process && !process.failed)) start(4);
  }, time + 1);
  // A session for those that are gone; rebalances, drains and looks at the partitions after it.
  const drainMs = drains.includes(Infinity) ? maxDrainMs + 2 * sessionTimeout : maxDrainMs;
  const quiet = time + 2 * sessionTimeout + 5 * (drainMs + 2 * heartbeatInterval) + 1_000;
  const checkOn = (): void => {
    check();
    if (scheduler.now() < quiet) scheduler.schedule(checkOn, 37);
  };
  checkOn();
  scheduler.schedule(() => {
    const owned = processes.flatMap((process) => process?.committing(group) ?? []);
    expect(owned.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: partitions }, (_, i) => i));
    const sizes = processes.flatMap((process) => (process && !process.failed ? [process.tasks.size] : []));
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    for (const process of processes) process?.life.kill();
  }, quiet);
  scheduler.flush();
}

it('never are there two members that may commit for one task, and every task is owned again when all is quiet', () => {
  fc.assert(fc.property(history, live), propertySettings(200));
});

// Once found by the property above.
it('a static member that comes back before a released task was assigned sees to it', () => {
  live({
    events: [
      { after: 7, process: 1, kind: 'start' },
      { after: 94, process: 0, kind: 'kill' },
      { after: 0, process: 0, kind: 'start' },
    ],
    drains: [1, 0, 0, 0, 0],
    isStatic: [true, false, false, false, false],
    tasks: 2,
  });
});

it('a static member that led its group and comes back sees new partitions', () => {
  live({
    events: [
      { after: 300, process: 1, kind: 'start' },
      { after: 900, process: 0, kind: 'kill' },
      { after: 100, process: 0, kind: 'start' },
      { after: 900, process: 0, kind: 'partitions' },
    ],
    drains: [1, 1, 0, 0, 0],
    isStatic: [true, false, false, false, false],
    tasks: 2,
  });
});
