import type { StreamSnapshot } from '../../batch/monitoring/streamSnapshot.js';
import type { GaugeKey, Sample } from './metricTable.js';
import { readGauges } from './readGauges.js';
import type { SeriesLimit } from './seriesLimit.js';

/** The samples of a gauge, over all streams. */
export function gaugeSamples(
  key: GaugeKey,
  snapshots: readonly StreamSnapshot[],
  limit: SeriesLimit,
): readonly Sample[] {
  const samples = snapshots.flatMap((snapshot) =>
    readGauges[key](snapshot).map(({ labels, value }): Sample => {
      return { labels: { stream: snapshot.name, ...labels }, value };
    }),
  );
  return limit.ofGauge(key, samples);
}
