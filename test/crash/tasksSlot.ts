import { Child } from '../support/childProcess.js';
import { databasePoints, taskPoints, turnPoints } from './tasksPoint.js';
import type { TasksAccidents, TasksSetup } from './tasksRound.js';

const times = [1, 2, 10];
const anyMoment = 'any moment';
/** The processes of all rounds take the points in turn, so that none is left out. */
const turns = { kill: { kafka: 0, table: 0, topic: 0 }, stop: { kafka: 0, table: 0, topic: 0 } };

/** Where processes are killed and stopped. In a control they are stopped in the turn of a batch, since only such a process still writes. */
function pointsOf({ to, unfenced }: TasksSetup, what: keyof typeof turns): readonly string[] {
  if (unfenced && what === 'stop') return turnPoints[to];
  return [...turnPoints[to], ...taskPoints, ...(to === 'kafka' ? [] : databasePoints)];
}

/** The next point, and how many times it is passed until then. */
function nextPoint(setup: TasksSetup, what: keyof typeof turns): readonly [point: string, nth: number] {
  const points = pointsOf(setup, what);
  const turn = turns[what][setup.to]++;
  return [points[turn % points.length] as string, times[Math.floor(turn / points.length) % times.length] as number];
}

export interface TasksSlotParts {
  readonly child: string;
  readonly setup: TasksSetup;
  readonly postgresUrl: string;
  readonly random: () => number;
  readonly accidents: TasksAccidents;
  readonly faults: string[];
}

/** A place of which one process after another is killed, stopped and ended. */
export class TasksSlot {
  readonly #parts: TasksSlotParts;
  #child: Child | undefined;
  #killPoint: string | undefined;
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
    const { child: file, setup, postgresUrl, random, accidents, faults } = this.#parts;
    const shareOfStops = setup.unfenced ? 0.5 : 0.3;
    const env: Record<string, string> = { POSTGRES_URL: postgresUrl };
    this.#killPoint = undefined;
    const what = this.#settling ? 1 : random();
    if (what < shareOfStops) {
      const [point, nth] = nextPoint(setup, 'stop');
      env.TASKS_STOP_AT = `${point}@${nth}`;
    } else if (what < 0.65) {
      const [point, nth] = nextPoint(setup, 'kill');
      this.#killPoint = point;
      env.DSTREAM_FAILPOINT = `${point}:${nth}`;
    }
    const child = new Child(file, [JSON.stringify(setup)], env);
    this.#child = child;
    this.#busy = false;
    accidents.joins++;
    void child
      .saysThat((line) => line.startsWith('stopped at '))
      .then(() => {
        const line = child.said.find((one) => one.startsWith('stopped at ')) ?? '';
        this.#stopped(child, line.slice('stopped at '.length));
      });
    void child.ended.then(() => this.#ended(child, faults));
  }

  /** Whether it has tasks, and nothing happens to it now. */
  get isWorking(): boolean {
    return !this.#busy && this.#child?.said.some((line) => line.startsWith('group assigned')) === true;
  }

  kill(): void {
    if (this.#busy || !this.#child) return;
    this.#killPoint = anyMoment;
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
    const late = setTimeout(() => child.process.kill('SIGKILL'), 30_000);
    await child.ended;
    clearTimeout(late);
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
      const point = this.#killPoint ?? anyMoment;
      accidents.kills[point] = (accidents.kills[point] ?? 0) + 1;
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
