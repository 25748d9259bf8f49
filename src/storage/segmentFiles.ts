import { CorruptCheckpointError } from '../batch/errors.js';
import type { Directory } from './directory.js';
import type { ReadOptions } from './readRecords.js';
import type { FinishedSegment, SegmentBegin, SegmentFormat } from './segmentFormat.js';

/** Receives the records of a segment after the first, with the offset at which each begins. */
export type SegmentVisitor = (payload: Buffer, at: number) => void;

/**
 * The segments that a directory holds. Reads only: a crash in the middle of a recovery costs nothing.
 *
 * The last segment says which ones belong to the log: those that its first record lists, and itself. So a segment that is
 * missing or too short is refused, and what a process appended after another had taken over is passed over. Only the last
 * segment may end with a torn record, which was never acknowledged.
 */
export class SegmentFiles<S extends FinishedSegment, B extends SegmentBegin<S>> {
  /** In ascending order. */
  readonly numbers: readonly number[];
  readonly #directory: Directory;
  readonly #format: SegmentFormat<S, B>;
  readonly #names: readonly string[];

  /** @param names all names in the directory */
  constructor(directory: Directory, format: SegmentFormat<S, B>, names: readonly string[]) {
    this.#directory = directory;
    this.#format = format;
    this.#names = names;
    this.numbers = numbersOf(names, format.prefix);
  }

  /**
   * Reads the newest segment that has a whole first record: a process that died before that has written nothing else into it.
   * `begun` is called with that record, and returns what receives the others.
   */
  async readLast(
    begun: (begin: B, path: string) => SegmentVisitor,
    { kept = true }: Pick<ReadOptions, 'kept'> = {},
  ): Promise<{ readonly begin: B; readonly number: number; readonly end: number } | undefined> {
    for (const number of [...this.numbers].reverse()) {
      const { begin, end } = await this.#read(number, { torn: true, kept }, begun);
      if (begin) return { begin, number, end };
    }
    return undefined;
  }

  /** Reads an earlier segment up to where it ended. */
  async read(
    { number, end }: FinishedSegment,
    begun: (begin: B, path: string) => SegmentVisitor,
    { kept = true }: Pick<ReadOptions, 'kept'> = {},
  ): Promise<void> {
    this.checkPresent(number);
    await this.#read(number, { end, kept }, begun);
  }

  /** @throws {CorruptCheckpointError} when the segment is missing */
  checkPresent(number: number): void {
    if (!this.numbers.includes(number)) throw missingFile(this.pathOf(number));
  }

  pathOf(number: number): string {
    return this.#directory.pathOf(`${this.#format.prefix}-${number}`);
  }

  /** The names of the segments that are not among `kept`, and of locks that were never taken: nobody needs them any more. */
  leftOver(kept: ReadonlySet<number>): readonly string[] {
    const segments = this.numbers.filter((number) => !kept.has(number));
    return [
      ...this.#names.filter((name) => /^lock-.*\.tmp$/.test(name)),
      ...segments.map((number) => `${this.#format.prefix}-${number}`),
    ];
  }

  async #read(number: number, options: ReadOptions, begun: (begin: B, path: string) => SegmentVisitor) {
    const path = this.pathOf(number);
    let begin: B | undefined;
    let visit: SegmentVisitor | undefined;
    const end = await this.#directory.readRecords(`${this.#format.prefix}-${number}`, options, (payload, at) => {
      if (visit) {
        visit(payload, at);
        return;
      }
      begin = this.#format.decode(payload);
      if (!begin) throw new CorruptCheckpointError(path, at, 'it does not say what comes before it');
      visit = begun(begin, path);
    });
    return { begin, end };
  }
}

/** The numbers in names such as `PREFIX-7`, in ascending order. */
export function numbersOf(names: readonly string[], prefix: string): readonly number[] {
  const pattern = new RegExp(`^${prefix}-(\\d+)$`);
  return names
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

export function missingFile(path: string): CorruptCheckpointError {
  return new CorruptCheckpointError(path, 0, 'the file is missing');
}
