// What needs files. Runs in Node.
export { CheckpointError, CorruptCheckpointError, FencedError, StorageError } from './batch/errors.js';
export { saveAsObjectFiles } from './outputs/node/saveAsObjectFiles.js';
export { type SaveFilesOptions, saveAsTextFiles } from './outputs/node/saveAsTextFiles.js';
export { type FileCheckpointOptions, fileCheckpoint } from './state/node/fileCheckpoint.js';
