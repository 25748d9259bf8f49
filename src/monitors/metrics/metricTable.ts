/** What is measured of a stream: the one table behind the names in Prometheus, in OpenTelemetry and in the documentation. */
export interface Metric {
  /** The name in Prometheus, without the prefix. */
  readonly prometheus: string;
  readonly opentelemetry: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** As OpenTelemetry writes it (UCUM): seconds, bytes, or what is counted. */
  readonly unit: string;
  /** Beside `stream`; `standbyLag`, which is of no stream, has no others. */
  readonly labels: readonly string[];
  readonly help: string;
}

/** Upper bounds of the buckets of all histograms, in seconds: those of the messaging conventions, and 30 and 60. */
export const secondsBuckets: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60,
];

const counter = (prometheus: string, opentelemetry: string, unit: string, labels: readonly string[], help: string) =>
  ({ prometheus: `${prometheus}_total`, opentelemetry, kind: 'counter', unit, labels, help }) as const;
const gauge = (prometheus: string, opentelemetry: string, unit: string, labels: readonly string[], help: string) =>
  ({ prometheus, opentelemetry, kind: 'gauge', unit, labels, help }) as const;
const histogram = (prometheus: string, opentelemetry: string, labels: readonly string[], help: string) =>
  ({ prometheus: `${prometheus}_seconds`, opentelemetry, kind: 'histogram', unit: 's', labels, help }) as const;

const place = ['source', 'topic', 'partition'];

export const metrics = {
  batches: counter(
    'batches',
    'dstream.batches',
    '{batch}',
    ['result'],
    'Batches that completed, failed or were aborted.',
  ),
  records: counter(
    'records',
    'messaging.client.consumed.messages',
    '{message}',
    ['source', 'topic'],
    'Records in complete batches.',
  ),
  bytes: counter('bytes', 'dstream.bytes', 'By', ['source', 'topic'], 'Bytes read for complete batches.'),
  skipped: counter(
    'skipped_records',
    'dstream.skipped.records',
    '{record}',
    ['source', 'reason'],
    'Records left out: malformed, deserialization failed, or overflow of a receiver.',
  ),
  lost: counter(
    'lost_records',
    'dstream.lost.records',
    '{record}',
    place,
    'Offsets that were gone from the log and passed over.',
  ),
  overshoot: counter(
    'overshoot_bytes',
    'dstream.overshoot',
    'By',
    ['source'],
    'Bytes that arrived beyond what was planned.',
  ),
  errors: counter('errors', 'dstream.errors', '{error}', ['code', 'stage'], 'Failures of the stream.'),
  restarts: counter('restarts', 'dstream.restarts', '{restart}', [], 'Subscriptions after a failed one.'),
  partitionRetries: counter(
    'partition_retries',
    'dstream.partition.retries',
    '{retry}',
    ['operator', 'id'],
    'Effects on a partition that failed and ran again.',
  ),
  deadLetters: counter(
    'dead_letters',
    'dstream.dead_letters',
    '{record}',
    ['operator', 'id'],
    'Records that failed permanently and were handed to a dead-letter Observer or topic.',
  ),
  sent: counter(
    'sent_records',
    'messaging.client.sent.messages',
    '{message}',
    ['topic'],
    'Records that outputs wrote to topics.',
  ),
  processing: histogram(
    'batch_processing',
    'messaging.process.duration',
    [],
    'From the first read to the last effect of a batch.',
  ),
  schedulingDelay: histogram(
    'batch_scheduling_delay',
    'dstream.batch.scheduling_delay',
    [],
    'How long a batch waited for earlier ones.',
  ),
  totalDelay: histogram(
    'batch_total_delay',
    'dstream.batch.total_delay',
    [],
    'From planning to the last effect of a batch.',
  ),
  stage: histogram(
    'batch_stage',
    'dstream.batch.stage.duration',
    ['stage'],
    'Time in each stage: fetch, dispatch, effect, save, commit.',
  ),
  fetch: histogram('fetch', 'messaging.client.operation.duration', ['source', 'broker'], 'Requests for records.'),
  fetchBytes: counter('fetch_bytes', 'dstream.fetch.bytes', 'By', ['source', 'broker'], 'Bytes of records received.'),
  throttle: counter(
    'fetch_throttle_seconds',
    'dstream.fetch.throttle',
    's',
    ['source', 'broker'],
    'Time a broker asked to be left alone.',
  ),
  interval: gauge('batch_interval_seconds', 'dstream.batch.interval', 's', [], 'The batch interval.'),
  waiting: gauge(
    'batches_waiting',
    'dstream.batches.waiting',
    '{batch}',
    [],
    'Batches that are due or planned and not started.',
  ),
  open: gauge(
    'batches_open',
    'dstream.batches.open',
    '{batch}',
    [],
    'Batches that are read, dispatched, written or saved.',
  ),
  lastBatch: gauge(
    'last_batch_timestamp_seconds',
    'dstream.batch.last',
    's',
    [],
    'When the last batch was complete and saved.',
  ),
  lag: gauge('lag_records', 'dstream.lag', '{record}', place, 'Records between the committed offset and the end.'),
  behind: gauge(
    'lag_seconds',
    'dstream.behind',
    's',
    place,
    'Age of the newest record of a complete batch; 0 without lag.',
  ),
  committed: gauge(
    'committed_offset',
    'dstream.offset.committed',
    '{offset}',
    place,
    'The offset after the last saved batch.',
  ),
  rate: gauge(
    'rate_limit_records_per_second',
    'dstream.rate.limit',
    '{record}/s',
    ['source'],
    'The rate of the controller.',
  ),
  fixedCost: gauge(
    'rate_fixed_cost_seconds',
    'dstream.rate.fixed_cost',
    's',
    ['source'],
    'Learned cost of a batch without records.',
  ),
  recordCost: gauge(
    'rate_record_cost_seconds',
    'dstream.rate.record_cost',
    's',
    ['source'],
    'Learned cost of a record.',
  ),
  noise: gauge('rate_noise_ratio', 'dstream.rate.noise', '1', ['source'], 'Scatter of the cost at equal size.'),
  atFloor: gauge(
    'rate_at_floor',
    'dstream.rate.at_floor',
    '1',
    ['source'],
    '1 while the controller would go below its minimum, else 0.',
  ),
  buffered: gauge('buffered_bytes', 'dstream.buffered', 'By', ['source'], 'Bytes received and in no batch yet.'),
  sharedBuffered: gauge(
    'shared_buffered_bytes',
    'dstream.shared.buffered',
    'By',
    ['source'],
    'Bytes that all streams of a kafkaRuntime have received or asked for, and that are in no batch yet.',
  ),
  sharedBufferLimit: gauge(
    'shared_buffer_limit_bytes',
    'dstream.shared.buffer.limit',
    'By',
    ['source'],
    'The budget of a kafkaRuntime for these.',
  ),
  stateEntries: gauge('state_entries', 'dstream.state.entries', '{entry}', ['operator', 'id'], 'Keys with state.'),
  stateBytes: gauge(
    'state_bytes',
    'dstream.state.size',
    'By',
    ['operator', 'id'],
    'Bytes of state, where the store knows them.',
  ),
  checkpointBytes: gauge(
    'checkpoint_bytes',
    'dstream.checkpoint.size',
    'By',
    [],
    'Bytes of the checkpoint, where the store knows them.',
  ),
  checkpointAge: gauge('checkpoint_age_seconds', 'dstream.checkpoint.age', 's', [], 'Time since the last save.'),
  standbyLag: gauge(
    'standby_lag_records',
    'dstream.standby.lag',
    '{record}',
    ['group', 'task'],
    'How many offsets the copy of a task of another process was behind.',
  ),
  watermark: gauge(
    'event_time_watermark_seconds',
    'dstream.event_time.watermark',
    's',
    ['id'],
    'Watermark of event time, in seconds since the epoch.',
  ),
  newestEvent: gauge(
    'event_time_newest_seconds',
    'dstream.event_time.newest',
    's',
    ['id', 'topic', 'partition'],
    'Newest event time of a partition that is neither idle nor ended, in seconds since the epoch.',
  ),
  queued: gauge(
    'receiver_queued_records',
    'dstream.receiver.queued',
    '{record}',
    ['source'],
    'Records that a receiver holds.',
  ),
  walBytes: gauge('wal_bytes', 'dstream.wal.size', 'By', ['source'], 'Bytes of a write-ahead log.'),
  walSync: histogram(
    'wal_sync',
    'dstream.wal.sync.duration',
    ['source'],
    'Making records durable in a write-ahead log.',
  ),
  status: gauge('status', 'dstream.status', '1', ['status'], '1 for the status of the stream, 0 for the others.'),
  info: gauge('info', 'dstream.info', '1', ['version', 'sources', 'client', 'checkpoint'], 'What the stream is.'),
} as const satisfies Readonly<Record<string, Metric>>;

/** The key of a metric in the table. */
export type MetricKey = keyof typeof metrics;

/** The key of a gauge in the table. */
export type GaugeKey = {
  [K in MetricKey]: (typeof metrics)[K]['kind'] extends 'gauge' ? K : never;
}[MetricKey];

export function isGauge(key: MetricKey): key is GaugeKey {
  return metrics[key].kind === 'gauge';
}

/** One value of a metric with its labels, beside `stream`. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}
