import {
  type BatchStream,
  bytes,
  costModel,
  type DriverOptions,
  dynamicInterval,
  fixedRate,
  foreachBatch,
  logBatches,
  memoryCheckpoint,
  pid,
  type RateControllerFactory,
} from 'dstream';
import { type Subscription, timer } from 'rxjs';
import { StreamRecord } from '../../../src/dashboard/server/streamRecord.js';
import type { StreamView } from '../../../src/dashboard/wire/streamView.js';
import type { Clock } from './clock.js';
import { costOf } from './cost.js';
import type { ControllerName, Setting } from './setting.js';
import type { SharedLog } from './sharedLog.js';

/** A process that has ended is started again after this time. */
const restartMs = 3_000;
const retryMs = 500;

/** One stream over the log, with an output that takes as long as the setting says. It is the library at work: only time is simulated. */
export class SimulatedStream {
  readonly controller: ControllerName;
  /** How many times slower than the setting says the output is. */
  slowness = 1;
  readonly #clock: Clock;
  readonly #setting: () => Setting;
  readonly #stream: BatchStream<unknown>;
  #record: StreamRecord | undefined;
  #subscription: Subscription | undefined;
  #failNext = false;
  #seen = 0;

  /** `setting` returns the present one: what it says of the output counts at once. */
  constructor(controller: ControllerName, clock: Clock, log: SharedLog, setting: () => Setting) {
    this.controller = controller;
    this.#clock = clock;
    this.#setting = setting;
    this.#stream = logBatches(log.client(), {
      topics: [log.topic],
      start: 'earliest',
      interval: setting().interval,
      deserialize: bytes(),
      ...controllerOptions(controller, setting()),
      checkpoint: memoryCheckpoint(),
      retry: { delay: retryMs },
      name: controller,
      scheduler: clock,
      monitors: [
        {
          run: (stream) => {
            this.#record ??= new StreamRecord(stream, 'playground', true);
            return this.#record.watch(stream);
          },
        },
      ],
    });
    this.start();
  }

  start(): void {
    if (this.isRunning) return;
    this.#subscription = this.#stream
      .pipe(foreachBatch((records, { time }) => this.#output(records.length, time)))
      // A failure is on the page already.
      .subscribe({ error: () => {} });
  }

  get isRunning(): boolean {
    return this.#subscription !== undefined && !this.#subscription.closed;
  }

  /** The output fails once: the stream starts again by itself and does the batch again. */
  failOnce(): void {
    this.#failNext = true;
  }

  /** The process dies between two instructions, and another one goes on with its checkpoint. */
  crash(): void {
    this.#subscription?.unsubscribe();
    this.#clock.schedule(() => this.start(), restartMs);
  }

  stop(): void {
    void this.#stream.stop();
  }

  close(): void {
    this.#subscription?.unsubscribe();
  }

  view(): StreamView | undefined {
    return this.#record?.view();
  }

  /** What is new since the last call. */
  news(): ReturnType<StreamRecord['after']> {
    const news = this.#record?.after(this.#seen) ?? { rows: [], failures: [] };
    this.#seen = this.#record?.newest ?? 0;
    return news;
  }

  detail(id: string): ReturnType<StreamRecord['detail']> {
    return this.#record?.detail(id);
  }

  #output(records: number, time: number): ReturnType<typeof timer> | undefined {
    if (this.#failNext && records > 0) {
      this.#failNext = false;
      throw new Error('the output has failed');
    }
    const cost = costOf(this.#setting(), time, records) * this.slowness;
    return cost > 0 ? timer(cost, this.#clock) : undefined;
  }
}

function controllerOptions(controller: ControllerName, setting: Setting): Partial<DriverOptions> {
  const { initialRate, minRate, target, slack, proportional, integral, derivative } = setting;
  const limited = (backpressure: RateControllerFactory) => ({ backpressure, initialRate });
  switch (controller) {
    case 'costModel':
      return limited(costModel({ target, slack, minRate }));
    case 'pid':
      return limited(pid({ proportional, integral, derivative, minRate }));
    case 'fixedRate':
      return limited(fixedRate(initialRate));
    case 'dynamicInterval': {
      const { minInterval, maxInterval } = setting;
      return { dynamicInterval: dynamicInterval({ minInterval, maxInterval }) };
    }
    case 'none':
      return {};
  }
}
