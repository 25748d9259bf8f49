import type { InputSnapshot, PartitionSnapshot, StreamSnapshot } from '../../batch/monitoring/streamSnapshot.js';
import { statusTransitions } from '../../batch/monitoring/streamStatus.js';
import { version } from '../../batch/version.js';
import type { GaugeKey, Sample } from './metricTable.js';

type Read = (snapshot: StreamSnapshot) => readonly Sample[];

const ms = 1_000;

/** How each gauge is read from a snapshot: none is kept up to date while nobody looks. */
export const readGauges: Readonly<Record<Exclude<GaugeKey, 'standbyLag'>, Read>> = {
  interval: ({ interval }) => one(interval / ms),
  waiting: ({ waiting }) => one(waiting),
  open: ({ open, saving }) => one(open.length + saving.length),
  // Not the batch time: that is old while batches are behind.
  lastBatch: ({ lastBatch }) => one(lastBatch && (lastBatch.processingEndTime + lastBatch.saveDelay) / ms),
  lag: (snapshot) => byPartition(snapshot, ({ lag }) => lag),
  behind: (snapshot) => byPartition(snapshot, ({ behind }) => (behind === undefined ? undefined : behind / ms)),
  committed: (snapshot) => byPartition(snapshot, ({ committed }) => committed),
  rate: (snapshot) => bySource(snapshot, ({ rate }) => rate),
  fixedCost: (snapshot) => bySource(snapshot, ({ decision }) => inSeconds(decision?.model?.fixedCost)),
  recordCost: (snapshot) => bySource(snapshot, ({ decision }) => inSeconds(decision?.model?.costPerRecord)),
  noise: (snapshot) => bySource(snapshot, ({ decision }) => decision?.model?.noise),
  atFloor: (snapshot) =>
    bySource(snapshot, ({ decision }) => decision && (decision.warnings.includes('rate-at-floor') ? 1 : 0)),
  buffered: (snapshot) => bySource(snapshot, ({ bufferedBytes }) => bufferedBytes),
  sharedBuffered: (snapshot) => bySource(snapshot, ({ sharedBytes }) => sharedBytes?.usedBytes),
  sharedBufferLimit: (snapshot) => bySource(snapshot, ({ sharedBytes }) => sharedBytes?.maxBytes),
  stateEntries: ({ state }) =>
    state.map(({ operator, id = '', entries }) => ({ labels: { operator, id }, value: entries })),
  stateBytes: ({ state }) =>
    state.flatMap(({ operator, id = '', bytes }) =>
      bytes === undefined ? [] : [{ labels: { operator, id }, value: bytes }],
    ),
  checkpointBytes: ({ checkpoint }) => one(checkpoint?.bytes),
  checkpointAge: ({ checkpoint, at }) => {
    const savedAt = checkpoint?.savedAt;
    return one(inSeconds(savedAt === undefined ? undefined : at - savedAt));
  },
  watermark: ({ lastBatch }) =>
    (lastBatch?.eventTimeProgress ?? []).flatMap(({ id = '', watermark }) =>
      Number.isFinite(watermark) ? [{ labels: { id }, value: watermark / ms }] : [],
    ),
  newestEvent: ({ lastBatch }) =>
    (lastBatch?.eventTimeProgress ?? []).flatMap(({ id = '', partitions }) =>
      partitions.flatMap(({ partition: key, newest, status }) => {
        if (newest === undefined || status !== 'active') return [];
        const slash = key.lastIndexOf('/');
        const labels = { id, topic: key.slice(0, Math.max(slash, 0)), partition: key.slice(slash + 1) };
        return [{ labels, value: newest / ms }];
      }),
    ),
  queued: (snapshot) => bySource(snapshot, ({ receiver }) => receiver?.queuedRecords),
  walBytes: (snapshot) => bySource(snapshot, ({ receiver }) => receiver?.writeAheadLogBytes),
  status: ({ status }) =>
    Object.keys(statusTransitions).map((name) => ({ labels: { status: name }, value: name === status ? 1 : 0 })),
  info: ({ inputs, checkpoint }) => {
    const sources = Object.values(inputs);
    const labels = {
      version,
      sources: sources.map(({ kind }) => kind).join(','),
      client: [...new Set(sources.flatMap(({ client }) => client?.library ?? []))].join(','),
      checkpoint: checkpoint?.location ?? '',
    };
    return [{ labels, value: 1 }];
  },
};

function one(value: number | undefined): readonly Sample[] {
  return value === undefined ? [] : [{ labels: {}, value }];
}

function inSeconds(value: number | undefined): number | undefined {
  return value === undefined ? undefined : value / ms;
}

function bySource({ inputs }: StreamSnapshot, of: (input: InputSnapshot) => number | undefined): readonly Sample[] {
  return Object.entries(inputs).flatMap(([source, input]) => {
    const value = of(input);
    return value === undefined ? [] : [{ labels: { source }, value }];
  });
}

function byPartition(
  { inputs }: StreamSnapshot,
  of: (partition: PartitionSnapshot) => number | undefined,
): readonly Sample[] {
  return Object.entries(inputs).flatMap(([source, { partitions }]) =>
    partitions.flatMap((partition) => {
      const value = of(partition);
      if (value === undefined) return [];
      return [{ labels: { source, topic: partition.topic, partition: String(partition.partition) }, value }];
    }),
  );
}
