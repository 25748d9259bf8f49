import type { CheckpointSummary } from '../maintenance/inspectCheckpoint.js';

/** What a checkpoint holds, to be read. */
export function summaryText(summary: CheckpointSummary): string {
  const { location, time, interval, positions, planned, states } = summary;
  if (time === undefined) return `${location}: empty\n`;
  const lines = [
    location,
    `last batch: ${time} (${dateOf(time)}), interval ${interval} ms`,
    `planned batches: ${planned.length === 0 ? 'none' : planned.map((batch) => batch.time).join(', ')}`,
    ...Object.entries(positions).flatMap(([source, all]) =>
      all.map(({ topic, partition, offset }) => `position of ${source}: ${topic} ${partition} at ${offset}`),
    ),
    ...states.map(({ id, operator, signature, version, keys }) => {
      const settings = signature === '' ? '' : ` ${signature}`;
      return `state ${JSON.stringify(id)}: ${operator}${settings}, version ${version}, ${keys} ${keys === 1 ? 'key' : 'keys'}`;
    }),
  ];
  return `${lines.join('\n')}\n`;
}

/** Batch times of tests need not be dates. */
function dateOf(time: number): string {
  const date = new Date(time);
  return Number.isNaN(+date) ? 'no date' : date.toISOString();
}
