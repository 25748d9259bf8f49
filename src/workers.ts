// Worker threads: all cores of a machine. Runs in Node.
export {
  type HedgeOptions,
  type MapPartitionsInThreadsOptions,
  mapPartitionsInThreads,
  type PartitionFunction,
} from './workers/mapPartitionsInThreads.js';
