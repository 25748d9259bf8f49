// What needs files or a server. Runs in Node.
export { CheckpointError, CorruptCheckpointError, FencedError, StorageError } from './batch/errors.js';
export { type Dashboard, dashboard } from './dashboard/server/dashboard.js';
export type { DashboardOptions } from './dashboard/server/dashboardOptions.js';
export type { MetricsRegistry } from './dashboard/server/boardListener.js';
export { healthListener } from './monitors/node/healthListener.js';
export { saveAsObjectFiles } from './outputs/files/saveAsObjectFiles.js';
export { type SaveFilesOptions, saveAsTextFiles } from './outputs/files/saveAsTextFiles.js';
export { foreachBatchInTransaction } from './outputs/postgres/foreachBatchInTransaction.js';
export { type FileWriteAheadLogOptions, fileWriteAheadLog } from './sources/receiver/node/fileWriteAheadLog.js';
export { type FileCheckpointOptions, fileCheckpoint } from './state/file/fileCheckpoint.js';
export { type LmdbCheckpointOptions, lmdbCheckpoint } from './state/lmdb/lmdbCheckpoint.js';
export {
  type PostgresCheckpoint,
  type PostgresCheckpointOptions,
  postgresCheckpoint,
} from './state/postgres/postgresCheckpoint.js';
export type { PostgresClient, PostgresPool, PostgresQueries, PostgresResult } from './state/postgres/postgresPool.js';
