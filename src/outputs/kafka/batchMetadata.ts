/** The text that is committed with the offsets of a batch. */
export function metadataOf(batchTime: number): string {
  return `dstream ${batchTime}`;
}

/** The batch time in the text of a committed offset; -Infinity where somebody else has committed it. */
export function batchTimeOf(metadata: string): number {
  const [, time] = /^dstream (-?\d+)$/.exec(metadata) ?? [];
  return time === undefined ? -Infinity : Number(time);
}
