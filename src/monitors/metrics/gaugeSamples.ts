import type { StreamSnapshot } from '../../batch/monitoring/streamSnapshot.js';
import type { GaugeKey, Sample } from './metricTable.js';
import { readGauges } from './readGauges.js';
import type { SeriesLimit } from './seriesLimit.js';
import type { StandbyLags } from './standbyLags.js';

/** The samples of a gauge, over all streams, or over all copies. */
export function gaugeSamples(
  key: GaugeKey,
  snapshots: readonly StreamSnapshot[],
  limit: SeriesLimit,
  standbys: StandbyLags,
): readonly Sample[] {
  if (key === 'standbyLag') return standbys.samples;
  const samples = snapshots.flatMap((snapshot) =>
    readGauges[key](snapshot).map(({ labels, value }): Sample => {
      return { labels: { stream: snapshot.name, ...labels }, value };
    }),
  );
  return limit.ofGauge(key, samples);
}
