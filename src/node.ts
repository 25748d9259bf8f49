// What needs files. Runs in Node.
export { StorageError } from './batch/errors.js';
export { saveAsObjectFiles } from './outputs/node/saveAsObjectFiles.js';
export { type SaveFilesOptions, saveAsTextFiles } from './outputs/node/saveAsTextFiles.js';
