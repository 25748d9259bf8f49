// The test kit: pipelines in virtual time. Runs in a browser as well as in Node.
export { MarbleMismatchError, MarbleSyntaxError } from './batch/errors.js';
export { type MemoryGroup, type MemoryGroupOptions, memoryGroup } from './sources/group/memoryGroup.js';
export { type CheckpointStore, checkpointContract } from './testing/checkpointContract.js';
export type { ContractCase } from './testing/contracts/contractCase.js';
export type { TestedGroup } from './testing/contracts/groupCases.js';
export type { TestedLog } from './testing/contracts/testedLog.js';
export { faultyLog, type LogCall, type LogFault } from './testing/faultyLog.js';
export { groupClientContract } from './testing/groupClientContract.js';
export { logClientContract } from './testing/logClientContract.js';
export {
  type BatchRunHelpers,
  type BatchValue,
  type Completion,
  type MarbleBatches,
  type RunBatchesOptions,
  runBatches,
} from './testing/runBatches.js';
