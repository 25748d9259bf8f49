// A block with a gap that the reader fills. In the repository it is a whole program, which a test runs:
//
//     // your turn: count the records
//     countBatch(),
//     // end
//
// On the site it begins without what is between the two comments.

const gap = /^( *\/\/ your turn: .*\n)([\s\S]*?)^ *\/\/ end\n/gm;

export interface Exercise {
  /** What the reader begins with. */
  readonly start: string;
  readonly solution: string;
}

/** The exercise of a block, and `undefined` where it has no gap. */
export function exerciseOf(code: string): Exercise | undefined {
  const start = code.replaceAll(gap, '$1');
  return start === code ? undefined : { start, solution: code.replaceAll(gap, '$1$2') };
}
