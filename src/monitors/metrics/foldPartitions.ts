import type { Sample } from './metricTable.js';

/** Sums samples by topic, with an empty partition, where there are more than `max`: every series costs the server memory. */
export function foldPartitions(samples: readonly Sample[], max: number): readonly Sample[] {
  if (samples.length <= max) return samples;
  const byTopic = new Map<string, { labels: Readonly<Record<string, string>>; value: number }>();
  for (const { labels, value } of samples) {
    const key = JSON.stringify({ ...labels, partition: '' });
    const sum = byTopic.get(key) ?? { labels: { ...labels, partition: '' }, value: 0 };
    sum.value += value;
    byTopic.set(key, sum);
  }
  return [...byTopic.values()];
}
