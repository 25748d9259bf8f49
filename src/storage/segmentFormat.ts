/** A segment to which nothing is appended any more. */
export interface FinishedSegment {
  readonly number: number;
  /** Where it ends, in bytes: what comes after was written by a process that had been taken over. */
  readonly end: number;
}

/** What the first record of every segment says. */
export interface SegmentBegin<S extends FinishedSegment> {
  /** The segments that counted when this one was begun, oldest first. */
  readonly before: readonly S[];
}

/** How one kind of segmented log names its files and encodes the first record of each. */
export interface SegmentFormat<S extends FinishedSegment, B extends SegmentBegin<S>> {
  /** Segments are called `PREFIX-NUMBER`; failpoints are called `PREFIX:...`. */
  readonly prefix: 'changelog' | 'segment';
  encode(begin: B): Uint8Array;
  /** Returns `undefined` when the payload is another kind of record. */
  decode(payload: Buffer): B | undefined;
  /** How later segments refer to the segment that began with `begin`. */
  finish(begin: B, number: number, end: number): S;
}
