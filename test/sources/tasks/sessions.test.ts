import { mapRecords } from 'dstream';
import { from } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { countAndWrite, sessionTimeout, TaskCluster, type Work } from '../../support/taskCluster.js';
import { VirtualClock } from '../../support/virtualClock.js';

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Two processes share four tasks, and something happens to them from 2,050 ms on: all that was sent is written and counted once. */
function shared(happens: (cluster: TaskCluster, first: Process, second: Process) => void) {
  const clock = new VirtualClock();
  const cluster = new TaskCluster(clock);
  cluster.send(150);
  const [first, second] = [cluster.start('first'), cluster.start('second')];
  cluster.at(2_000, () => {
    expect([cluster.tasksOf('first'), cluster.tasksOf('second')].map(({ length }) => length)).toEqual([2, 2]);
    happens(cluster, first, second);
  });
  cluster.at(12_000, () => {
    expect([first.error, second.error]).toEqual([undefined, undefined]);
    expect(cluster.records).toEqual(numbers(cluster.sent));
    for (const { process } of [first, second]) process.kill();
  });
  cluster.at(12_001, () => {
    expect(new Map([...cluster.totals].sort())).toEqual(new Map([...cluster.expectedTotals].sort()));
  });
  clock.flush();
  return cluster;
}

type Process = ReturnType<TaskCluster['start']>;

const eventsOf = (cluster: TaskCluster, name: string, from = 2_000) =>
  cluster.events.filter(({ process, at }) => process === name && at >= from).map(({ type }) => type);

describe('the session of a process that shares tasks', () => {
  it('outlasts an event loop that is blocked for 0.7 of it: the process keeps its tasks, and says that a heartbeat was late', () => {
    const cluster = shared((all, { process }) => {
      let before: readonly string[] = [];
      all.at(2_050, () => {
        before = all.tasksOf('first');
        process.stop();
      });
      all.at(2_050 + 0.7 * sessionTimeout, () => process.continue());
      all.at(6_000, () => expect(all.tasksOf('first')).toEqual(before));
    });
    expect(eventsOf(cluster, 'first')).toEqual(['slow-heartbeat']);
    expect(eventsOf(cluster, 'second')).toEqual([]);
  });

  it.each([
    ['batches', 0.7],
    ['batches', 1.4],
    ['something else', 0.7],
    ['something else', 1.4],
  ] as const)('has an event that says when %s kept its heartbeats from going out, for %s of it', (who, share) => {
    const clock = new VirtualClock();
    const cluster = new TaskCluster(clock);
    const blocked = share * sessionTimeout;
    cluster.send(150);
    let isDue = false;
    const blocks = (value: string) => {
      if (isDue) block();
      isDue = false;
      return value;
    };
    const slow: Work = (task, life) => countAndWrite(task.pipe(mapRecords(blocks)), life);
    const [first, second] = [cluster.start('first', {}, slow), cluster.start('second')];
    const block = () => {
      first.process.stop();
      clock.block(blocked);
      cluster.at(clock.now(), () => first.process.continue());
    };
    cluster.at(2_050, () => {
      if (who === 'batches') isDue = true;
      else block();
    });
    cluster.at(8_000, () => {
      const late = cluster.events.filter(({ at, process }) => at > 2_050 && process === 'first');
      const facts = late.flatMap(({ type, late = 0, dispatchDelay, reason }) =>
        reason === undefined ? [] : [{ type, isOfBatches: (dispatchDelay ?? Number.NaN) > late / 2, reason }],
      );
      expect(facts.map(({ type }) => type)).toEqual(share < 1 ? ['slow-heartbeat'] : ['slow-heartbeat', 'lost']);
      for (const { isOfBatches, reason } of facts) {
        expect(isOfBatches).toBe(who === 'batches');
        expect(reason).toMatch(
          who === 'batches'
            ? /^late by \d+ ms: batches blocked the event loop for \d+ ms$/
            : /for 0 ms, .* for the rest$/,
        );
      }
      for (const { process } of [first, second]) process.kill();
    });
    clock.flush();
  });

  it('is for a batch alone: a heartbeat goes out before, unless the last one is recent', () => {
    const heartbeatInterval = Math.floor(sessionTimeout / 3);
    // Without it, the last heartbeat may be an interval old when the operators of a batch begin.
    for (let phase = 0; phase < 4; phase++) {
      const clock = new VirtualClock();
      const cluster = new TaskCluster(clock);
      cluster.send(150);
      const [first, second] = [0, 1].map((i) => cluster.start(`process ${i}`, { heartbeatInterval }));
      const lasts = sessionTimeout - heartbeatInterval / 2 - 10;
      cluster.at(2_000 + 100 * phase, () => first?.process.meet({ point: 'output:before', nth: 1, effect: lasts }));
      cluster.at(6_000, () => {
        const since = cluster.events.filter(({ at }) => at >= 2_000).map(({ type }) => type);
        expect(since).toEqual(['slow-heartbeat']);
        for (const process of [first, second]) process?.process.kill();
      });
      clock.flush();
    }
  });

  it('costs at most twice the heartbeats, however many tasks there are', () => {
    const heartbeatInterval = Math.floor(sessionTimeout / 3);
    const beatsOf = (partitions: number) => {
      const clock = new VirtualClock();
      const cluster = new TaskCluster(clock, partitions);
      let beats = 0;
      const newClient = cluster.groupClient.bind(cluster);
      cluster.groupClient = () => {
        const client = newClient();
        const heartbeat: typeof client.heartbeat = (membership) => {
          beats++;
          return client.heartbeat(membership);
        };
        return { ...client, heartbeat };
      };
      cluster.send(150);
      const { process } = cluster.start('process', { heartbeatInterval });
      cluster.at(5_000, () => process.kill());
      clock.flush();
      return beats;
    };
    const beats = beatsOf(1);
    expect(beats).toBeGreaterThan(5_000 / heartbeatInterval);
    expect(beats).toBeLessThanOrEqual(2 * (5_000 / heartbeatInterval));
    expect(beatsOf(16)).toBe(beats);
  });

  it('ends when the event loop is blocked for 1.4 of it: the tasks go to others, its saves and commits are refused, and it joins again', () => {
    const cluster = shared((all, { process }) => {
      all.at(2_050, () => process.stop());
      all.at(2_050 + 1.4 * sessionTimeout - 1, () => expect(all.tasksOf('second')).toEqual(['0', '1', '2', '3']));
      all.at(2_050 + 1.4 * sessionTimeout, () => process.continue());
      all.at(8_000, () => {
        expect([all.tasksOf('first').length, all.tasksOf('second').length]).toEqual([2, 2]);
      });
    });
    expect(eventsOf(cluster, 'first')).toContain('lost');
    expect(eventsOf(cluster, 'second')).not.toContain('lost');
  });

  it('goes on when the coordinator is killed and back within it: the same owners, no rebalance', () => {
    const cluster = shared((all) => {
      all.at(2_050, () => {
        all.coordinatorIsAway = true;
      });
      all.at(2_050 + 0.7 * sessionTimeout, () => {
        all.coordinatorIsAway = false;
      });
    });
    for (const process of ['first', 'second']) {
      const told = cluster.events.filter((event) => event.process === process && event.at >= 2_000);
      expect(told.map(({ type }) => type)).toEqual(['failing', 'recovered']);
      for (const { at, lasts = 0, attempts = 0, error } of told) {
        // Since when, how often, and why.
        expect(at - lasts).toBeGreaterThanOrEqual(2_050);
        expect(at - lasts).toBeLessThan(2_200);
        expect(attempts).toBeGreaterThan(2);
        expect(error).toMatchObject({ kafkaError: 'COORDINATOR_NOT_AVAILABLE' });
      }
    }
  });

  it('tells once a minute that the group has not answered, and once that it does again', () => {
    const minute = 60_000;
    const clock = new VirtualClock();
    const cluster = new TaskCluster(clock);
    const process = cluster.start('first');
    const told = () => eventsOf(cluster, 'first', 1_000);
    cluster.at(1_000, () => {
      cluster.coordinatorIsAway = true;
    });
    cluster.at(1_000 + 2.5 * minute, () => {
      expect(told()).toEqual(['failing', 'lost', 'failing', 'failing']);
      cluster.coordinatorIsAway = false;
    });
    cluster.at(1_000 + 3 * minute, () => {
      expect(told().slice(4)).toEqual(['joined', 'recovered', 'assigned']);
      process.process.kill();
    });
    clock.flush();
  });

  it('ends when nobody hears of the coordinator for longer: a process gives up its tasks by itself, and has some again when it is back', () => {
    const cluster = shared((all) => {
      all.at(2_050, () => {
        all.coordinatorIsAway = true;
      });
      all.at(2_050 + 1.5 * sessionTimeout, () => {
        expect([all.tasksOf('first'), all.tasksOf('second')]).toEqual([[], []]);
        all.coordinatorIsAway = false;
      });
      all.at(8_000, () => {
        expect([...all.tasksOf('first'), ...all.tasksOf('second')].sort()).toEqual(['0', '1', '2', '3']);
      });
    });
    expect(eventsOf(cluster, 'first')).toContain('lost');
  });

  it('keeps a task whose checkpoint another process opens late, and never works on: the owner opens it again', () => {
    const cluster = shared((all) => {
      // A process that was stopped between "assigned" and "opened" goes on, and dies.
      all.at(2_050, () => void from(all.checkpointOf('1').open()).subscribe());
    });
    expect(cluster.events.filter(({ at }) => at >= 2_050).map(({ type, tasks }) => [type, ...tasks])).toEqual([
      ['fenced', '1'],
      ['reopened', '1'],
    ]);
  });

  it('is asked about before a task is opened again: a process that was stopped meanwhile fences nobody', () => {
    const clock = new VirtualClock();
    const cluster = new TaskCluster(clock);
    cluster.send(150);
    const first = cluster.start('first', { retry: { count: 10, delay: 250, maxDelay: 250 } });
    const second = cluster.start('second');
    cluster.at(2_050, () => {
      for (let task = 0; task < 2; task++) first.meets({ step: 'save', lasts: 0, fails: 'broken' });
    });
    // Both of its tasks have failed, and are to be opened again, before its next heartbeat.
    cluster.at(2_340, () => {
      expect(cluster.tasksOf('first')).toHaveLength(2);
      first.process.stop();
    });
    cluster.at(2_340 + 2 * sessionTimeout, () => {
      expect(cluster.tasksOf('second')).toHaveLength(4);
      first.process.continue();
    });
    cluster.at(8_000, () => {
      expect([...eventsOf(cluster, 'first'), ...eventsOf(cluster, 'second')]).not.toContain('fenced');
      expect([cluster.tasksOf('first'), cluster.tasksOf('second')].map(({ length }) => length)).toEqual([2, 2]);
      expect(cluster.records).toEqual(numbers(cluster.sent));
      for (const { process } of [first, second]) process.kill();
    });
    clock.flush();
  });

  it('goes on when others join, though a commit may be refused before it hears of the new generation', () => {
    const clock = new VirtualClock();
    const cluster = new TaskCluster(clock, 4, 12, 60);
    cluster.send(200);
    const processes: Process[] = [];
    // At another moment of the interval each.
    for (const at of [0, 1_025, 2_050, 3_075]) {
      cluster.at(at, () => void processes.push(cluster.start(`process ${processes.length}`)));
    }
    cluster.at(8_000, () => {
      expect(processes.map(({ error }) => error)).toEqual(processes.map(() => undefined));
      const told = cluster.events.filter(({ type }) => ['fenced', 'reopened', 'lost'].includes(type));
      expect(told).toEqual([]);
      expect(processes.map(({ name }) => cluster.tasksOf(name).length)).toEqual([1, 1, 1, 1]);
      for (const { process } of processes) process.kill();
    });
    clock.flush();
    expect(cluster.records).toEqual(numbers(cluster.sent));
  });
});
