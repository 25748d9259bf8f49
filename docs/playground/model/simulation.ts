import { interval } from 'rxjs';
import { arrivalRate } from './arrivals.js';
import { Clock } from './clock.js';
import type { NumberName, Setting } from './setting.js';
import { SharedLog } from './sharedLog.js';
import { SimulatedStream } from './simulatedStream.js';

const arrivalStepMs = 50;
const retentionMs = 2_000;
/** So long a broker is away. */
const awayMs = 5_000;
const slowTimes = 3;

/** A run of a setting: records arrive in a log, and one or two streams read it. The same setting makes the same run. */
export class Simulation {
  readonly streams: readonly SimulatedStream[];
  readonly #clock: Clock;
  readonly #log: SharedLog;
  readonly #changed: (name: NumberName, value: number) => void;
  #setting: Setting;
  #slow = false;

  /** `start` is the time of day, in ms since the epoch. `changed` is called when the run changes a number of its setting. */
  constructor(setting: Setting, start: number, changed: (name: NumberName, value: number) => void = () => {}) {
    this.#setting = setting;
    this.#changed = changed;
    this.#clock = new Clock(start);
    this.#log = new SharedLog(this.#clock, setting.partitions);
    this.#log.append(setting.backlog, setting.skew);
    interval(arrivalStepMs, this.#clock).subscribe(() => this.#step());
    interval(retentionMs, this.#clock).subscribe(() => this.#forget());
    const { controller, beside } = setting;
    const names = beside === 'off' ? [controller] : [controller, beside];
    this.streams = names.map((name) => new SimulatedStream(name, this.#clock, this.#log, () => this.#setting));
  }

  /** Since the start, in ms. */
  get elapsed(): number {
    return this.#clock.elapsed;
  }

  get setting(): Setting {
    return this.#setting;
  }

  /** Changes what can change while it runs. */
  set setting(setting: Setting) {
    this.#setting = setting;
  }

  /** Goes on by `ms`, unless `late` returns true before. Returns whether it has got there. */
  advance(ms: number, late: () => boolean = () => false): boolean {
    return this.#clock.advance(ms, late);
  }

  get isSlow(): boolean {
    return this.#slow;
  }

  /** Whether the output takes three times as long. */
  set isSlow(slow: boolean) {
    this.#slow = slow;
    for (const stream of this.streams) stream.slowness = slow ? slowTimes : 1;
  }

  get brokerIsAway(): boolean {
    return this.#log.isAway;
  }

  takeBrokerAway(): void {
    if (this.#log.isAway) return;
    this.#log.leave();
    this.#clock.schedule(() => this.#log.comeBack(), awayMs);
  }

  close(): void {
    for (const stream of this.streams) stream.close();
  }

  #step(): void {
    const until = this.elapsed;
    for (const { at, name, value } of this.#setting.changes) {
      const due = at * 1_000;
      if (due > until || due <= until - arrivalStepMs) continue;
      this.#setting = { ...this.#setting, [name]: value };
      this.#changed(name, value);
    }
    this.#log.append((arrivalRate(this.#setting, until / 1_000) * arrivalStepMs) / 1_000, this.#setting.skew);
  }

  /** What every stream has committed is not needed any more, not even after a crash. */
  #forget(): void {
    const committed = this.streams.map((stream) => stream.view()?.partitions ?? []);
    const offsets = Array.from({ length: this.#setting.partitions }, (_, partition) =>
      Math.min(...committed.map((all) => all.find((one) => one.partition === partition)?.committed ?? 0)),
    );
    this.#log.forget(offsets);
  }
}
