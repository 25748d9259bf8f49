// What needs files or a server. Runs in Node.
export { CheckpointError, CorruptCheckpointError, FencedError, StorageError } from './batch/errors.js';
export type { MetricsRegistry } from './dashboard/server/boardListener.js';
export { type Dashboard, dashboard } from './dashboard/server/dashboard.js';
export type { DashboardOptions } from './dashboard/server/dashboardOptions.js';
export { dropState } from './maintenance/dropState.js';
export { type ExportOptions, exportCheckpoint } from './maintenance/exportCheckpoint.js';
export { type ExportLogOptions, exportWriteAheadLog } from './maintenance/exportWriteAheadLog.js';
export { type ImportOptions, importCheckpoint } from './maintenance/importCheckpoint.js';
export { type CheckpointSummary, inspectCheckpoint, type StateSummary } from './maintenance/inspectCheckpoint.js';
export { renameState } from './maintenance/renameState.js';
export { type SplitOptions, splitCheckpoint } from './maintenance/splitCheckpoint.js';
export type { SplitDescription } from './maintenance/splitDescription.js';
export { healthListener } from './monitors/node/healthListener.js';
export { type CsvOptions, csv, type FileFormat, jsonLines } from './outputs/files/fileFormat.js';
export type { FileSink } from './outputs/files/fileSink.js';
export { saveAsObjectFiles } from './outputs/files/saveAsObjectFiles.js';
export { type SaveAsTextFilesOptions, saveAsTextFiles } from './outputs/files/saveAsTextFiles.js';
export type { FileContext, FilePrefix, SaveFilesOptions } from './outputs/files/saveFiles.js';
export { foreachBatchInTransaction } from './outputs/postgres/foreachBatchInTransaction.js';
export { type FileBlockStoreOptions, fileBlockStore } from './sources/receiver/node/fileBlockStore.js';
export type { LogWriteFailure } from './sources/receiver/node/fileLogSession.js';
export { fileReceiver } from './sources/receiver/node/fileReceiver.js';
export type { FileReceiverOptions } from './sources/receiver/node/fileReceiverOptions.js';
export { type FileWriteAheadLogOptions, fileWriteAheadLog } from './sources/receiver/node/fileWriteAheadLog.js';
export type { Framing } from './sources/receiver/node/frameDecoder.js';
export { type HttpReceiverOptions, httpReceiver } from './sources/receiver/node/httpReceiver.js';
export { type ProcessReceiverOptions, processReceiver } from './sources/receiver/node/processReceiver.js';
export type { BlockCodec } from './sources/receiver/node/segmentRecords.js';
export { sseReceiver } from './sources/receiver/node/sseReceiver.js';
export type { SseEvent, SseHeaders, SseReceiverOptions } from './sources/receiver/node/sseReceiverOptions.js';
export { type TcpReceiverOptions, tcpReceiver } from './sources/receiver/node/tcpReceiver.js';
export { webSocketReceiver } from './sources/receiver/node/webSocketReceiver.js';
export type { WebSocketMessage, WebSocketReceiverOptions } from './sources/receiver/node/webSocketReceiverOptions.js';
export type { Damage } from './state/damage.js';
export { type FileCheckpointOptions, fileCheckpoint } from './state/file/fileCheckpoint.js';
export { type LmdbCheckpointOptions, lmdbCheckpoint } from './state/lmdb/lmdbCheckpoint.js';
export {
  type PostgresCheckpoint,
  type PostgresCheckpointOptions,
  postgresCheckpoint,
} from './state/postgres/postgresCheckpoint.js';
export type { PostgresClient, PostgresPool, PostgresQueries, PostgresResult } from './state/postgres/postgresPool.js';
export type { IntegrityOptions } from './storage/integrityKey.js';
export type { Takeover, TakeoverOptions } from './storage/takeover.js';
