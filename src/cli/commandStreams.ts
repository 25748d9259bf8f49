import type { Readable, Writable } from 'node:stream';

/** Where a command reads and writes. */
export interface CommandStreams {
  readonly input: Readable;
  readonly output: Writable;
  readonly errors: Writable;
}
