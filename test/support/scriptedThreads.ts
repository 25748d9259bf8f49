import type { SchedulerLike } from 'rxjs';
import type { PartitionAnswer, PartitionWork } from '../../src/workers/partitionMessages.js';
import type { StartPartitionThread, ThreadExit } from '../../src/workers/partitionThread.js';
import { takeDown } from '../../src/workers/thrownError.js';

/** What a thread does with a partition: answers or exits after so many virtual ms; never, when it hangs. */
export type Act = { readonly after: number; readonly answer?: PartitionAnswer; readonly exit?: ThreadExit };

/** Threads in virtual time. `act` says what comes of a partition; `log` has what happened, with its virtual time. */
export function scriptedThreads(scheduler: SchedulerLike, act: (work: PartitionWork) => Act) {
  const log: string[] = [];
  let started = 0;
  const start: StartPartitionThread = ({ answered, refused, exited }) => {
    const name = `thread ${++started}`;
    let ended = false;
    log.push(`${scheduler.now()} ${name} starts`);
    return {
      send: (work) => {
        try {
          structuredClone(work);
        } catch (error) {
          refused(error);
          return;
        }
        const { partition, context } = work;
        log.push(`${scheduler.now()} ${name} begins ${context.id}, attempt ${context.attempt}`);
        const { after, answer, exit } = act(work);
        const then = () => {
          if (ended) return;
          if (answer) answered(answer);
          if (exit) {
            ended = true;
            log.push(`${scheduler.now()} ${name} exits in ${partition.index}`);
            exited(exit);
          }
        };
        if (after === 0) then();
        else if (after < Infinity) scheduler.schedule(then, after);
      },
      end: () => {
        ended = true;
        log.push(`${scheduler.now()} ${name} is ended`);
      },
    };
  };
  return { start, log };
}

/** What a thread answers when it calls the function. */
export function answerOf<T>(
  work: PartitionWork,
  project: (records: readonly T[]) => Iterable<unknown>,
): PartitionAnswer {
  try {
    return { type: 'records', records: [...project(work.partition.records as readonly T[])] };
  } catch (error) {
    return { type: 'failed', error: takeDown(error) };
  }
}
