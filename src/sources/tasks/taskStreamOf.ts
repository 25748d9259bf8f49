import type { TaskInfo } from '../../batch/taskInfo.js';
import { streamParts } from '../../driver/batchesOf.js';
import type { ResolvedDriverOptions } from '../../driver/driverOptions.js';
import { withMethods } from '../../options/checks.js';
import type { Checkpoint } from '../../state/checkpoint.js';
import type { GroupClient } from '../group/groupClient.js';
import type { LogClient } from '../log/logClient.js';
import { resolvedLogSource } from '../log/resolvedLogSource.js';
import type { AssignedTask } from './assignedTask.js';
import { SharedController } from './sharedController.js';
import { sharedLog } from './sharedLog.js';
import { Task } from './task.js';
import { type TaskView, taskClient } from './taskClient.js';
import { TaskHost } from './taskHost.js';
import { taskKeys } from './taskKeys.js';
import type { ResolvedTaskOptions } from './taskOptions.js';
import { TaskStream } from './taskStream.js';

/** What the tasks of one subscription share. */
export interface TaskClients {
  readonly log: LogClient;
  readonly group: GroupClient;
}

/** Makes the stream of tasks over a log. `name` names the source in messages, `newClients` is called for each subscription. */
export function taskStreamOf<T, C extends Checkpoint | undefined>(
  name: string,
  newClients: () => TaskClients,
  options: ResolvedTaskOptions<T, C>,
): TaskStream<T, C> {
  const { host, groupObserver } = options;
  return new TaskStream<T, C>(host.drainMs, (subscriber) => {
    const { log, group } = newClients();
    const shared = new SharedWork(name, sharedLog(log, host.member.scheduler), options);
    return new TaskHost(shared.log, group, host, {
      next: (given, view) => subscriber.next(shared.task(given, view)),
      opened: ({ id }) => shared.opened(id),
      closed: ({ id }) => shared.closed(id),
      error: (error) => subscriber.error(error),
      complete: () => subscriber.complete(),
      happened: (event) => groupObserver?.next?.(event),
    });
  });
}

/** The least that a task may buffer, and have in a batch, in bytes, however many tasks there are. */
const minTaskBytes = 1024 * 1024;

/** What the tasks of one subscription share: its client, its rate controller, and its memory. */
class SharedWork<T, C extends Checkpoint | undefined> {
  readonly log: LogClient;
  readonly #name: string;
  readonly #options: ResolvedTaskOptions<T, C>;
  readonly #controller: SharedController | undefined;
  readonly #working = new Set<string>();

  constructor(name: string, log: LogClient, options: ResolvedTaskOptions<T, C>) {
    this.#name = name;
    this.log = log;
    this.#options = options;
    const { backpressure } = options.driver;
    this.#controller = backpressure && new SharedController(backpressure);
  }

  task(given: AssignedTask, view: TaskView): Task<T, C> {
    const { driver, host, partitioner } = this.#options;
    const { info } = given;
    const checkpoint = checkpointOf(host.owner, this.#options.checkpoint, info);
    const client = taskClient(this.log, view);
    const records = resolvedLogSource(host.owner, () => client, this.#sourceOptions());
    const controller = this.#controller;
    const resolved: ResolvedDriverOptions = {
      ...driver,
      name: `${driver.name}/${info.id}`,
      task: info,
      checkpoint,
      backpressure: controller && ((setup) => controller.member(info.id, setup)),
      keyCheck: partitioner && taskKeys(info, partitioner),
    };
    return new Task<T, C>(info, checkpoint as C, streamParts(this.#name, records, resolved, given));
  }

  opened(id: string): void {
    this.#working.add(id);
  }

  closed(id: string): void {
    this.#working.delete(id);
    this.#controller?.leave(id);
  }

  /** The bounds in bytes are those of the process: they are divided by the tasks that it has, whose number changes. */
  #sourceOptions(): ResolvedTaskOptions<T, C>['source'] {
    const { source } = this.#options;
    const working = this.#working;
    const share = (bytes: number) => Math.max(Math.floor(bytes / Math.max(working.size, 1)), minTaskBytes);
    return {
      ...source,
      get maxBufferedBytes() {
        return Math.min(share(source.maxBufferedBytes), source.maxBufferedBytes);
      },
      get maxBytesPerBatch() {
        return Math.min(share(source.maxBytesPerBatch), source.maxBytesPerBatch);
      },
    };
  }
}

function checkpointOf<C extends Checkpoint | undefined>(
  owner: string,
  checkpoint: ((task: TaskInfo) => C) | undefined,
  info: TaskInfo,
): C | undefined {
  if (!checkpoint) return undefined;
  const made = checkpoint(info);
  withMethods('open')(owner, 'checkpoint()', made);
  return made;
}
