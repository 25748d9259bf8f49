// A project that compiles against this need not have it among its libs.
/// <reference lib="esnext.disposable" preserve="true" />
import { Observable, type Subscriber } from 'rxjs';
import type { StopOptions } from '../../driver/stopReport.js';
import { checkOptions, type OptionChecks } from '../../options/checkOptions.js';
import { checkNonNegative } from '../../options/checks.js';
import type { TaskHost, TaskReports } from './taskHost.js';

/** Subscribes to a stream of tasks and returns the host that serves the subscription. */
export type SubscribeTasks<K> = (subscriber: Subscriber<K>) => TaskHost;

const stopChecks: OptionChecks<StopOptions> = { drainTimeout: checkNonNegative };

/**
 * The tasks of a job that this process works on: an Observable that emits a task (`Task`, or `SourcesTask`) whenever the group assigns one
 * to this process. Each subscription is a member of the group.
 *
 * @see {@link logTasks} for an example
 */
export class TaskStream<K> extends Observable<K> implements AsyncDisposable {
  readonly #hosts: Set<TaskHost>;
  readonly #drainMs: number;

  /** @internal `kafkaTasks` and `logTasks` create them. */
  constructor(drainMs: number, subscribe: SubscribeTasks<K>) {
    const hosts = new Set<TaskHost>();
    super((subscriber) => {
      const host = subscribe(subscriber);
      hosts.add(host);
      host.start();
      return () => {
        hosts.delete(host);
        host.close();
      };
    });
    this.#hosts = hosts;
    this.#drainMs = drainMs;
  }

  /**
   * Releases all tasks: finishes the batches that are open, leaves the group, and completes. Batches that are planned only are left to the
   * processes that go on. Resolves with what each task did, by its id. A static member does not leave: its tasks wait for it until its
   * session is over.
   *
   * @throws {InvalidOptionError} when `drainTimeout` is negative
   */
  async stop(options: StopOptions = {}): Promise<TaskReports> {
    checkOptions('stop', options, stopChecks);
    const { drainTimeout = this.#drainMs } = options;
    const stopping = [...this.#hosts].map(
      (host) => new Promise<TaskReports>((resolve) => host.stop(drainTimeout, resolve)),
    );
    return new Map((await Promise.all(stopping)).flatMap((reports) => [...reports]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
