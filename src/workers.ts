// Worker threads: all cores of a machine. Runs in Node.
export {
  type HedgeOptions,
  type MapPartitionsInThreadsOptions,
  mapPartitionsInThreads,
  type PartitionFunction,
} from './workers/mapPartitionsInThreads.js';
export { type RunInThreadsOptions, runInThreads, type ThreadRetryOptions } from './workers/runInThreads.js';
export type { ThreadEvent, ThreadInfo, ThreadReport, ThreadStatus } from './workers/threadEvents.js';
export { ThreadedJob } from './workers/threadedJob.js';
export type { ThreadContext, ThreadJob } from './workers/threadJob.js';
