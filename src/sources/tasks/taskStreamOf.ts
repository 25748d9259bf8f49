import type { RateControllerFactory } from '../../backpressure/rateController.js';
import type { Key } from '../../batch/key.js';
import type { TaskInfo } from '../../batch/taskInfo.js';
import type { ResolvedDriverOptions } from '../../driver/driverOptions.js';
import type { Ownership } from '../../driver/ownership.js';
import { tellObserver } from '../../observables/tellObserver.js';
import { withMethods } from '../../options/checks.js';
import type { Checkpoint } from '../../state/checkpoint.js';
import type { GroupClient } from '../group/groupClient.js';
import type { LogClient } from '../log/logClient.js';
import { resolvedLogSource } from '../log/resolvedLogSource.js';
import type { ResolvedLogSourceOptions } from '../log/resolveLogSourceOptions.js';
import type { SharedBudget } from '../log/sharedBudget.js';
import type { TableChange } from '../log/tableOptions.js';
import type { Source } from '../source.js';
import type { AssignedTask } from './assignedTask.js';
import { BroadcastTable } from './broadcastTable.js';
import { SharedController } from './sharedController.js';
import { sharedLog } from './sharedLog.js';
import { type TaskView, taskClient } from './taskClient.js';
import { TaskHost } from './taskHost.js';
import { taskKeys } from './taskKeys.js';
import type { ResolvedTaskOptions } from './taskOptions.js';
import { TaskStream } from './taskStream.js';

/** What the tasks of one subscription share. */
export interface TaskClients {
  readonly log: LogClient;
  readonly group: GroupClient;
  /** Where they share one with others: see `kafkaRuntime`. */
  readonly budget?: SharedBudget | undefined;
}

/** What a task that is given out consists of. */
export interface TaskParts<C extends Checkpoint | undefined> {
  readonly info: TaskInfo;
  readonly checkpoint: C;
  readonly driver: ResolvedDriverOptions;
  readonly ownership: Ownership;
  /** A table that all tasks of the process share. */
  table<K extends Key>(name: string, source: Source<TableChange<K, unknown>>): Source<TableChange<K, unknown>>;
  /** The records of the task that a source has. */
  source<T>(options: ResolvedLogSourceOptions<T>): Source<T>;
}

/** Makes the stream of tasks over a log. `newClients` is called for each subscription, `newTask` for each task. */
export function taskStreamOf<K, C extends Checkpoint | undefined>(
  newClients: () => TaskClients,
  options: ResolvedTaskOptions<C>,
  newTask: (parts: TaskParts<C>) => K,
): TaskStream<K> {
  const { host, groupObserver } = options;
  return new TaskStream<K>(host.drainMs, (subscriber) => {
    const { log, group, budget } = newClients();
    const shared = new SharedWork(sharedLog(log, host.member.scheduler), options, budget);
    return new TaskHost(shared.log, group, host, {
      next: (given, view) => subscriber.next(newTask(shared.parts(given, view))),
      opened: ({ id }) => shared.opened(id),
      closed: ({ id }) => shared.closed(id),
      error: (error) => subscriber.error(error),
      complete: () => subscriber.complete(),
      happened: (event) => tellObserver(groupObserver, event),
      checkpointOf: (info) => checkpointOf(host.owner, options.checkpoint, info),
    });
  });
}

/** The least that a task may buffer, and have in a batch, in bytes, with any number of tasks. */
const minTaskBytes = 1024 * 1024;

/** What the tasks of one subscription share: its client, its rate controller, and its memory. */
class SharedWork<C extends Checkpoint | undefined> {
  readonly log: LogClient;
  readonly #options: ResolvedTaskOptions<C>;
  readonly #budget: SharedBudget | undefined;
  /** By the name of the source. */
  readonly #controllers = new Map<string, SharedController>();
  readonly #working = new Set<string>();
  /** By the name of the source. */
  readonly #tables = new Map<string, BroadcastTable>();

  constructor(log: LogClient, options: ResolvedTaskOptions<C>, budget: SharedBudget | undefined) {
    this.log = log;
    this.#budget = budget;
    this.#options = options;
  }

  parts(ownership: AssignedTask, view: TaskView): TaskParts<C> {
    const { driver, host, partitioner } = this.#options;
    const { info } = ownership;
    const checkpoint = checkpointOf(host.owner, this.#options.checkpoint, info);
    const client = taskClient(this.log, view);
    const { backpressure } = driver;
    return {
      info,
      ownership,
      checkpoint: checkpoint as C,
      driver: {
        ...driver,
        name: `${driver.name}/${info.id}`,
        task: info,
        checkpoint,
        backpressure:
          backpressure && ((setup) => this.#controllerOf(setup.source, backpressure).member(info.id, setup)),
        keyCheck: partitioner && taskKeys(info, partitioner),
      },
      table: <K extends Key>(name: string, source: Source<TableChange<K, unknown>>) =>
        this.#tableOf(name, source as unknown as Source<TableChange<Key, unknown>>).source as unknown as typeof source,
      source: (options) => resolvedLogSource(host.owner, () => client, this.#divided(options)),
    };
  }

  #tableOf(name: string, source: Source<TableChange<Key, unknown>>): BroadcastTable {
    const table = this.#tables.get(name) ?? new BroadcastTable(source, this.#options.driver, name);
    this.#tables.set(name, table);
    return table;
  }

  opened(id: string): void {
    this.#working.add(id);
  }

  closed(id: string): void {
    this.#working.delete(id);
    for (const controller of this.#controllers.values()) controller.leave(id);
  }

  #controllerOf(source: string, backpressure: RateControllerFactory): SharedController {
    const controller = this.#controllers.get(source) ?? new SharedController(backpressure);
    this.#controllers.set(source, controller);
    return controller;
  }

  /** The bounds in bytes are those of the process: they are divided by the tasks that it has, whose number changes. */
  #divided<T>(options: ResolvedLogSourceOptions<T>): ResolvedLogSourceOptions<T> {
    const working = this.#working;
    const share = (bytes: number) =>
      Math.min(Math.max(Math.floor(bytes / Math.max(working.size, 1)), minTaskBytes), bytes);
    return {
      ...options,
      budget: this.#budget,
      get maxBufferedBytes() {
        return share(options.maxBufferedBytes);
      },
      get maxBytesPerBatch() {
        return share(options.maxBytesPerBatch);
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
