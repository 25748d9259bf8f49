/** What a sender knows of the numbers that it has sent. */
export interface SentNumbers {
  /** Whether the receiver goes on exactly where it was: no number may be missing before another, or come twice. */
  readonly exactlyOnce: boolean;
  readonly acknowledged: ReadonlySet<number>;
}

/**
 * Judges lines `NUMBER`, or `SERIES NUMBER` where each series counts from 0 by itself. Whoever goes on where it was has all numbers of a
 * series that came before the last one.
 */
export function judgeNumbers(
  lines: readonly string[],
  { exactlyOnce, acknowledged }: SentNumbers,
): { readonly lost: readonly string[]; readonly doubled: number } {
  const written = new Set(lines);
  const lost = [...acknowledged].map(String).filter((n) => !written.has(n));
  if (!exactlyOnce) return { lost, doubled: 0 };
  const ends = new Map<string, number>();
  for (const line of written) {
    const at = line.lastIndexOf(' ') + 1;
    const series = line.slice(0, at);
    ends.set(series, Math.max(ends.get(series) ?? 0, Number(line.slice(at)) + 1));
  }
  for (const [series, end] of ends) {
    for (let n = 0; n < end; n++) if (!written.has(`${series}${n}`)) lost.push(`${series}${n}`);
  }
  return { lost: [...new Set(lost)], doubled: lines.length - written.size };
}
