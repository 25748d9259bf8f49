import type { InputSnapshot, PartitionSnapshot, StreamSnapshot } from '../../batch/monitoring/streamSnapshot.js';
import { statusTransitions } from '../../batch/monitoring/streamStatus.js';
import type { metrics, Sample } from './metricTable.js';

type GaugeKey = {
  [K in keyof typeof metrics]: (typeof metrics)[K]['kind'] extends 'gauge' ? K : never;
}[keyof typeof metrics];

type Read = (snapshot: StreamSnapshot, checkpoint: string | undefined) => readonly Sample[];

const ms = 1_000;

/** How each gauge is read from a snapshot: none is kept up to date while nobody looks. */
export const readGauges: Readonly<Record<GaugeKey, Read>> = {
  interval: ({ interval }) => one(interval / ms),
  waiting: ({ waiting }) => one(waiting),
  open: ({ open, saving }) => one(open.length + saving.length),
  lastBatch: ({ lastBatch }) => one(lastBatch && lastBatch.time / ms),
  lag: (snapshot) => byPartition(snapshot, ({ lag }) => lag),
  behind: (snapshot) => byPartition(snapshot, ({ behind }) => (behind === undefined ? undefined : behind / ms)),
  committed: (snapshot) => byPartition(snapshot, ({ committed }) => committed),
  rate: (snapshot) => bySource(snapshot, ({ rate }) => rate),
  fixedCost: (snapshot) => bySource(snapshot, ({ decision }) => inSeconds(decision?.model?.fixedCost)),
  recordCost: (snapshot) => bySource(snapshot, ({ decision }) => inSeconds(decision?.model?.costPerRecord)),
  noise: (snapshot) => bySource(snapshot, ({ decision }) => decision?.model?.noise),
  buffered: (snapshot) => bySource(snapshot, ({ bufferedBytes }) => bufferedBytes),
  stateEntries: ({ state }) =>
    state.map(({ operator, id = '', entries }) => ({ labels: { operator, id }, value: entries })),
  checkpointAge: ({ checkpoint, at }) => one(inSeconds(checkpoint?.savedAt && at - checkpoint.savedAt)),
  queued: (snapshot) => bySource(snapshot, ({ receiver }) => receiver?.queuedRecords),
  status: ({ status }) =>
    Object.keys(statusTransitions).map((name) => ({ labels: { status: name }, value: name === status ? 1 : 0 })),
  info: ({ inputs }, checkpoint = '') => {
    const sources = Object.values(inputs).map(({ kind }) => kind);
    return [{ labels: { sources: sources.join(','), checkpoint }, value: 1 }];
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
