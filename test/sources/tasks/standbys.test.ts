import { type Checkpoint, type CopyLook, InvalidOptionError } from 'dstream';
import { map, Observable, take, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { logTasksWithStandbys } from '../../support/logTasksWithStandbys.js';
import { interval, sessionTimeout, TaskCluster, type TaskProcess } from '../../support/taskCluster.js';
import { virtual } from '../../support/virtual.js';

/** What happened to copies: `follow` and `left` of a process, and the opening of a checkpoint. */
type Told = {
  readonly at: number;
  readonly process: string;
  readonly what: 'follow' | 'left' | 'open';
  readonly id: string;
};

/** Processes that keep copies of each other's checkpoints, each in a place of its own. */
class Standbys {
  readonly cluster: TaskCluster;
  readonly told: Told[] = [];
  /** By process, the tasks of which it follows the checkpoint now. */
  readonly followed = new Map<string, Set<string>>();
  /** How long a copy takes to be closed, in ms. */
  closing = 30;
  /** Why copies cannot be kept now. */
  failing = false;
  /** Those that were made here. */
  readonly #copies = new Set<string>();
  /** By process, the copies that are there when it starts. */
  readonly there: Readonly<Record<string, readonly string[]>>;

  constructor(cluster: TaskCluster, there: Readonly<Record<string, readonly string[]>> = {}) {
    this.cluster = cluster;
    this.there = there;
  }

  start(process: string, standbys = 1, place = process, more = {}): TaskProcess {
    const checkpoint = ({ id }: { readonly id: string }): Checkpoint => {
      const store = this.cluster.checkpointOf(id);
      const follow = (signal: AbortSignal) => this.#follow(process, id, signal);
      const copies = { place, exists: () => [this.#has(process, id)], follow };
      const open: Checkpoint['open'] = (how) => {
        this.#tell(process, 'open', id);
        this.#made(process, id);
        return store.open(how);
      };
      return { location: store.location, open, copies };
    };
    return this.cluster.start(process, { standbys, checkpoint, ...more });
  }

  #has(process: string, id: string): boolean {
    return this.there[process]?.includes(id) === true || this.#copies.has(`${process}/${id}`);
  }

  #made(process: string, id: string): void {
    this.#copies.add(`${process}/${id}`);
  }

  #tell(process: string, what: Told['what'], id: string): void {
    this.told.push({ at: this.cluster.scheduler.now(), process, what, id });
  }

  #follow(process: string, id: string, signal: AbortSignal): Observable<CopyLook> {
    return new Observable((subscriber) => {
      const mine = this.followed.get(process) ?? new Set();
      this.followed.set(process, mine.add(id));
      this.#tell(process, 'follow', id);
      if (this.failing) {
        mine.delete(id);
        subscriber.complete();
        return;
      }
      subscriber.add(
        timer(50, 50, this.cluster.scheduler)
          .pipe(
            take(2),
            map((looks) => (looks === 0 ? 50_000 : 0)),
          )
          .subscribe((behind) => {
            if (behind === 0) this.#made(process, id);
            subscriber.next({ behind, isWhole: behind === 0 });
          }),
      );
      signal.addEventListener('abort', () => {
        this.cluster.scheduler.schedule(() => {
          mine.delete(id);
          this.#tell(process, 'left', id);
          subscriber.complete();
        }, this.closing);
      });
    });
  }

  of(process: string): readonly string[] {
    return [...(this.followed.get(process) ?? [])].sort();
  }
}

const expectAll = (cluster: TaskCluster) => {
  expect(cluster.records).toEqual(Array.from({ length: cluster.sent }, (_, i) => i));
  expect(new Map([...cluster.totals].sort())).toEqual(new Map([...cluster.expectedTotals].sort()));
};

describe('standbys of tasks', () => {
  it('are on another process than the owner, and preferred when it is killed', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 6);
      const standbys = new Standbys(cluster);
      cluster.send(150);
      const all = ['a', 'b', 'c'].map((name) => standbys.start(name));
      let followedBy: Record<string, readonly string[]> = {};
      let ofA: readonly string[] = [];
      cluster.at(2_000, () => {
        for (const name of ['a', 'b', 'c']) {
          expect(standbys.of(name)).toHaveLength(2);
          expect(standbys.of(name)).not.toEqual(expect.arrayContaining([cluster.tasksOf(name)[0]]));
        }
        ofA = cluster.tasksOf('a');
        followedBy = { b: standbys.of('b'), c: standbys.of('c') };
        all[0]?.process.kill();
      });
      cluster.at(2_000 + sessionTimeout + 4 * interval, () => {
        for (const name of ['b', 'c']) {
          const taken = cluster.tasksOf(name).filter((id) => ofA.includes(id));
          expect(taken).toEqual(followedBy[name]?.filter((id) => ofA.includes(id)));
          expect(taken).toHaveLength(1);
          // Three tasks each, and a copy of those of the other one.
          expect(standbys.of(name)).toEqual(cluster.tasksOf(name === 'b' ? 'c' : 'b'));
        }
      });
      cluster.at(8_000, () => {
        expectAll(cluster);
        for (const one of all) one.process.kill();
      });
    });
  });

  it('that could not be placed are named once for each change, by the process that leads', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 3);
      const standbys = new Standbys(cluster);
      const all = [standbys.start('a'), standbys.start('b', 1, 'a')];
      const told = () =>
        cluster.events
          .filter(({ type }) => type === 'standby-missing')
          .map(({ process, tasks, missing }) => [process, tasks, missing]);
      cluster.at(2_000, () => {
        // Two processes of one machine.
        expect(told()).toEqual([['a', ['0', '1', '2'], 3]]);
        all.push(standbys.start('c'));
      });
      cluster.at(4_000, () => {
        expect(told()).toEqual([
          ['a', ['0', '1', '2'], 3],
          ['a', [], 0],
        ]);
        all[2]?.process.kill();
      });
      cluster.at(8_000, () => {
        expect(told().slice(2)).toEqual([['a', ['0', '1', '2'], 3]]);
        for (const one of all) one.process.kill();
      });
    });
  });

  it('are left before the task is opened in their process', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 4);
      const standbys = new Standbys(cluster);
      cluster.send(90);
      const [first, second] = [standbys.start('first'), standbys.start('second')];
      cluster.at(2_000, () => first.process.kill());
      cluster.at(6_000, () => {
        const told = standbys.told.filter(({ process, at }) => process === 'second' && at > 2_000);
        for (const id of ['0', '1', '2', '3']) {
          const mine = told.filter((one) => one.id === id).map(({ what }) => what);
          expect([[], ['left', 'open']]).toContainEqual(mine);
        }
        expect(told.filter(({ what }) => what === 'open')).toHaveLength(2);
        expectAll(cluster);
        second.process.kill();
      });
    });
  });

  it('delay neither a task nor the end of their process by more than a second when they do not close', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 4);
      const standbys = new Standbys(cluster);
      standbys.closing = 30_000;
      cluster.send(90);
      const [first, second, third] = ['first', 'second', 'third'].map((name) => standbys.start(name));
      cluster.at(2_000, () => first?.process.kill());
      const takenBy = 2_000 + sessionTimeout + 1_000 + 4 * interval;
      cluster.at(takenBy, () => {
        const opened = standbys.told.filter(({ what, at }) => what === 'open' && at > 2_000);
        expect(opened.length).toBeGreaterThan(0);
        expect([...cluster.tasksOf('second'), ...cluster.tasksOf('third')].sort()).toEqual(['0', '1', '2', '3']);
        expect(standbys.of('second').length).toBeGreaterThan(0);
        void second?.tasks.stop();
      });
      cluster.at(takenBy + 1_000 + 2 * interval, () => expect(second?.completed).toBe(true));
      cluster.at(takenBy + 4_000, () => {
        expect(new Set(standbys.told.filter(({ at, what }) => at > 2_000 && what === 'left'))).toEqual(new Set());
        expectAll(cluster);
        third?.process.kill();
      });
    });
  });

  it('are tried again, less and less often, and told of once they are open', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 2);
      const standbys = new Standbys(cluster);
      standbys.failing = true;
      cluster.send(30);
      const all = [standbys.start('first'), standbys.start('second')];
      const typesOf = (process: string) =>
        cluster.events
          .filter((one) => one.process === process && one.type.startsWith('standby'))
          .map(({ type }) => type);
      cluster.at(75_000, () => {
        const tried = standbys.told.filter(({ process, what }) => process === 'second' && what === 'follow');
        const pauses = tried.slice(1).map(({ at }, i) => at - (tried[i]?.at ?? 0));
        expect(pauses).toEqual([10_000, 20_000, 40_000]);
        expect(typesOf('second')).toEqual([]);
        standbys.failing = false;
      });
      cluster.at(155_000, () => {
        expect(standbys.of('second')).toHaveLength(1);
        expect(typesOf('second').slice(0, 2)).toEqual(['standby', 'standby-behind']);
        for (const one of all) one.process.kill();
      });
    });
  });

  it('are where a copy already is, so that a process has its tasks back', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 6);
      const standbys = new Standbys(cluster, { c: ['1', '4', '5'] });
      cluster.send(90);
      const all = ['a', 'b'].map((name) => standbys.start(name));
      cluster.at(2_000, () => all.push(standbys.start('c')));
      cluster.at(4_000, () => {
        const mine = [...cluster.tasksOf('c'), ...standbys.of('c')].sort();
        expect(mine).toEqual(expect.arrayContaining(['1', '4', '5']));
      });
      cluster.at(6_000, () => {
        expectAll(cluster);
        for (const one of all) one.process.kill();
      });
    });
  });

  it('end with their process, which says how far they are behind', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 2);
      const standbys = new Standbys(cluster);
      cluster.send(90);
      const [first, second] = [standbys.start('first'), standbys.start('second')];
      cluster.at(2_000, () => void second.tasks.stop());
      cluster.at(2_400, () => {
        expect(second.completed).toBe(true);
        expect(standbys.of('second')).toEqual([]);
        const events = cluster.events.filter(({ process, type }) => process === 'second' && type.startsWith('standby'));
        expect(events.map(({ type, behind }) => [type, behind])).toEqual([
          ['standby', undefined],
          ['standby-behind', 50_000],
          ['standby-behind', 0],
          ['standby-ended', undefined],
        ]);
        expect(new Set(events.flatMap(({ tasks }) => tasks))).toEqual(new Set(cluster.tasksOf('first').slice(0, 1)));
      });
      cluster.at(5_000, () => {
        expectAll(cluster);
        first.unsubscribe();
      });
    });
  });

  it('are on none of the processes that share a directory with the owner, nor on those without the option', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 4);
      const standbys = new Standbys(cluster);
      const all = [standbys.start('a', 1, 'x'), standbys.start('b', 1, 'x'), standbys.start('c', 0, 'y')];
      cluster.at(2_000, () => {
        const [followed = '', ...others] = [...standbys.of('a'), ...standbys.of('b'), ...standbys.of('c')];
        expect(others).toEqual([]);
        expect(cluster.tasksOf('c')).toEqual([followed]);
        all.push(standbys.start('d', 1, 'z'));
      });
      cluster.at(4_000, () => {
        expect(standbys.of('d')).toEqual(expect.arrayContaining([...cluster.tasksOf('a'), ...cluster.tasksOf('b')]));
        for (const one of all) one.process.kill();
      });
    });
  });

  it('are kept for topics that were not there when their processes started', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 2);
      const standbys = new Standbys(cluster);
      const all = ['a', 'b'].map((name) => standbys.start(name, 1, name, { topics: [/^late/], keys: 'unchecked' }));
      cluster.at(1_000, () => cluster.log.createTopic('late', 4));
      cluster.at(20_000, () => {
        expect(standbys.of('a')).toEqual(cluster.tasksOf('b'));
        expect(standbys.of('b')).toEqual(cluster.tasksOf('a'));
        expect(standbys.of('a')).toHaveLength(2);
        for (const one of all) one.process.kill();
      });
    });
  });

  it('take a checkpoint that keeps copies', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 4);
      const process = cluster.start('a', { standbys: 1 });
      cluster.at(1_000, () => {
        expect(process.error).toBeInstanceOf(InvalidOptionError);
        expect(process.error).toMatchObject({ message: expect.stringMatching(/standbys.*kafkaCheckpoint.*copy/) });
      });
      const options = { topics: ['words'], groupId: 'g', interval: 10, deserialize: () => '', standbys: 1 } as const;
      expect(() => logTasksWithStandbys(cluster.log, cluster.group, options)).toThrow(
        /standbys \(1\) needs checkpoint/,
      );
    });
  });
});
