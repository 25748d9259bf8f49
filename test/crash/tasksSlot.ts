import { Child } from '../support/childProcess.js';
import { databasePoints, taskPoints, turnPoints } from './tasksPoint.js';
import type { TasksAccidents, TasksSetup } from './tasksRound.js';

const times = [1, 2, 10];
/** A process gets there once. */
const onlyOnce = /^group:(before-leave|left)$/;
const anyMoment = 'any moment';
/** How long nothing else happens to a process that has yet to get to its point, in ms. */
const sparedMs = 30_000;
/** A process gets there once or twice each time that tasks move: it has to outlive many others. */
const isRare = (moment: string) => /^(group|task|epoch|restore):.*@10$/.test(moment);
const sparedForRareMs = 150_000;

type What = 'kill' | 'stop';

/** How often processes were killed and stopped at each moment, and how often one was to be, in all rounds. */
const reached = new Map<string, number>();
const planned = new Map<string, number>();
const countOne = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);

/** Where processes are killed and stopped. In a control they are stopped in the turn of a batch, since only such a process still writes. */
function pointsOf({ to, unfenced }: Pick<TasksSetup, 'to' | 'unfenced'>, what: What): readonly string[] {
  if (unfenced && what === 'stop') return turnPoints[to];
  return [...turnPoints[to], ...taskPoints, ...(to === 'kafka' ? [] : databasePoints)];
}

/** Every point, the first, second and tenth time that a process gets there, as `POINT@NTH`. */
export function momentsOf(setup: Pick<TasksSetup, 'to' | 'unfenced'>, what: What): readonly string[] {
  const points = pointsOf(setup, what);
  return times.flatMap((nth) =>
    points.filter((point) => nth === 1 || !onlyOnce.test(point)).map((point) => `${point}@${nth}`),
  );
}

/** What earlier runs have met: the moments that they left out come first. */
export function reachedBefore(what: What, counts: Readonly<Record<string, number>>): void {
  for (const [moment, count] of Object.entries(counts)) reached.set(`${what} ${moment}`, count);
}

/** The moment that was met least, so that none is left out. */
function nextMoment(setup: TasksSetup, what: What, withRare: boolean): string {
  const rank = (moment: string) => {
    const name = `${what} ${moment}`;
    // One that is hard to meet is not planned for ever.
    return (reached.get(name) ?? 0) * 4 + (planned.get(name) ?? 0);
  };
  const moments = momentsOf(setup, what).filter((moment) => withRare || !isRare(moment));
  const moment = moments.reduce((best, one) => (rank(one) < rank(best) ? one : best));
  countOne(planned, `${what} ${moment}`);
  return moment;
}

export interface TasksSlotParts {
  readonly child: string;
  readonly setup: TasksSetup;
  readonly postgresUrl: string;
  readonly random: () => number;
  readonly accidents: TasksAccidents;
  readonly faults: string[];
  /** Whether a process waits for a moment that comes when tasks have moved many times. */
  readonly isRareAwaited: () => boolean;
}

/** A place of which one process after another is killed, stopped and ended. */
export class TasksSlot {
  readonly #parts: TasksSlotParts;
  #child: Child | undefined;
  /** The moment at which it is killed or stopped, as `POINT@NTH`. */
  #moment: string | undefined;
  #what: What | undefined;
  #startedAt = 0;
  /** Whether it is stopped, or about to end. */
  #busy = false;
  #settling = false;
  #closed = false;
  #timers: NodeJS.Timeout[] = [];

  constructor(parts: TasksSlotParts) {
    this.#parts = parts;
  }

  start(): void {
    if (this.#closed) return;
    const { child: file, setup, postgresUrl, random, accidents, faults, isRareAwaited } = this.#parts;
    const shareOfStops = setup.unfenced ? 0.5 : 0.25;
    const env: Record<string, string> = { POSTGRES_URL: postgresUrl };
    // Those that leave and come back move the tasks for one that waits for that. Spared until their own moments, they would move none.
    const isMover = this.leaves && isRareAwaited();
    const chance = this.#settling || isMover ? 1 : random();
    this.#what = chance < shareOfStops ? 'stop' : chance < 0.65 ? 'kill' : undefined;
    this.#moment = this.#what && nextMoment(setup, this.#what, !this.leaves);
    this.#startedAt = performance.now();
    if (this.#what === 'stop') env.TASKS_STOP_AT = this.#moment as string;
    if (this.#what === 'kill') env.DSTREAM_FAILPOINT = (this.#moment as string).replace('@', ':');
    const child = new Child(file, [JSON.stringify(setup)], env);
    this.#child = child;
    this.#busy = false;
    accidents.joins++;
    void child
      .saysThat((line) => line.startsWith('stopped at '))
      .then(() => {
        const moment = this.#moment ?? anyMoment;
        this.#met();
        this.#stopped(child, moment);
      });
    void child.ended.then(() => this.#ended(child, faults));
  }

  /** Whether it has tasks, and nothing happens to it now. */
  get isWorking(): boolean {
    return !this.#busy && this.#child?.said.some((line) => line.startsWith('group assigned')) === true;
  }

  /** Whether it is yet to be killed or stopped at its point, and may still get there. */
  get isAwaited(): boolean {
    const spared = this.isRareAwaited ? sparedForRareMs : sparedMs;
    return this.#moment !== undefined && performance.now() - this.#startedAt < spared;
  }

  get isRareAwaited(): boolean {
    return this.#child !== undefined && this.#moment !== undefined && isRare(this.#moment);
  }

  /** Whether the group hears at once when it ends. */
  get leaves(): boolean {
    return this.#parts.setup.instanceId === undefined;
  }

  /** Whether its point is one that it only gets to when it is ended. */
  get isToEnd(): boolean {
    return this.isAwaited && onlyOnce.test((this.#moment as string).split('@')[0] as string);
  }

  kill(): void {
    if (this.#busy || !this.#child) return;
    this.#moment = undefined;
    this.#child.process.kill('SIGKILL');
  }

  stop(): void {
    if (this.#busy || !this.#child) return;
    this.#child.process.kill('SIGSTOP');
    this.#stopped(this.#child, anyMoment);
  }

  end(): void {
    if (this.#busy || !this.#child) return;
    this.#busy = true;
    this.#child.process.kill('SIGTERM');
  }

  /** Nothing happens to it from now on but what has been prepared. */
  settle(): void {
    this.#settling = true;
    this.#child?.process.kill('SIGCONT');
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    const child = this.#child;
    if (!child) return;
    child.process.kill('SIGCONT');
    child.process.kill('SIGTERM');
    const late = setTimeout(() => {
      this.#moment = undefined;
      child.process.kill('SIGKILL');
    }, 30_000);
    await child.ended;
    clearTimeout(late);
  }

  /** It has got to its point: from now on it is like any other. */
  #met(): void {
    countOne(reached, `${this.#what} ${this.#moment}`);
    this.#moment = undefined;
  }

  /** It goes on when others have its tasks. */
  #stopped(child: Child, point: string): void {
    const { accidents, setup, random } = this.#parts;
    accidents.stops[point] = (accidents.stops[point] ?? 0) + 1;
    this.#busy = true;
    const lasts = setup.sessionTimeout * (1.3 + random());
    this.#later(lasts, () => {
      child.process.kill('SIGCONT');
      if (child === this.#child) this.#busy = false;
    });
  }

  #ended(child: Child, faults: string[]): void {
    if (child !== this.#child) return;
    this.#child = undefined;
    const { accidents, random } = this.#parts;
    const { exitCode, signalCode } = child.process;
    const failed = child.said.find((line) => line.startsWith('failed '));
    if (failed) faults.push(failed);
    else if (signalCode === 'SIGKILL') {
      const moment = this.#moment ?? anyMoment;
      accidents.kills[moment] = (accidents.kills[moment] ?? 0) + 1;
      if (this.#moment) this.#met();
    } else if (exitCode === 0) accidents.graceful++;
    // It was to end before it had begun.
    else if (signalCode === 'SIGTERM') accidents.joins--;
    else faults.push(`a process ended with ${exitCode ?? signalCode}: ${child.said.slice(-3).join(' | ')}`);
    this.#later(this.#settling ? 0 : random() * 1_500, () => this.start());
  }

  #later(ms: number, work: () => void): void {
    if (!this.#closed) this.#timers.push(setTimeout(work, ms));
  }
}
