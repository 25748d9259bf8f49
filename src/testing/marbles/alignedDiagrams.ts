/** What a row of a diagram shows at which frame: `a`, `(ab|)`. After `|`, `#` or `!` it shows nothing more. */
export type DiagramRow = ReadonlyMap<number, string>;

export interface AlignedDiagrams {
  /** One line a row, in marble syntax. */
  readonly lines: readonly string[];
  /** The column of a frame at which some row has an event. */
  columnOf(frame: number): number;
}

/** A longer pause is written as `30ms`. */
const maxDashes = 20;

/**
 * Draws rows of events as marble diagrams in which the same frame is in the same column:
 *
 *     -a-(b|)
 *     -a-b--c|
 *
 * As in RxJS, a group takes as many frames as it has characters. Where another event follows within a group, the rows keep
 * their columns, and the diagram is no longer valid syntax.
 */
export function alignedDiagrams(rows: readonly DiagramRow[]): AlignedDiagrams {
  const frames = [...new Set(rows.flatMap((row) => [...row.keys()]))].sort((a, b) => a - b);
  const lines = rows.map(() => '');
  const columns = new Map<number, number>();
  const width = () => Math.max(0, ...lines.map((line) => line.length));
  const pad = () => {
    const column = width();
    for (const [i, line] of lines.entries()) lines[i] = line.padEnd(column);
  };

  let at = 0;
  /** Frames that each row has passed since `at`; Infinity when it has ended. */
  let passed = rows.map(() => 0);
  for (const frame of frames) {
    for (const [i, line] of lines.entries()) lines[i] = line + pause(frame - at - (passed[i] ?? 0), frame - at);
    pad();
    columns.set(frame, width());
    passed = rows.map((row, i) => {
      const text = row.get(frame) ?? '';
      lines[i] += text;
      return passed[i] === Infinity || /[|#!]/.test(text) ? Infinity : text.length;
    });
    at = frame;
  }
  return { lines: lines.map((line) => line.trimEnd()), columnOf: (frame) => columns.get(frame) ?? width() };
}

/** All rows write the pause in the same way: `whole` is what a row has to pass that shows nothing. */
function pause(frames: number, whole: number): string {
  if (frames <= 0) return '';
  return whole > maxDashes ? ` ${frames}ms ` : '-'.repeat(frames);
}
