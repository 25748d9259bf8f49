import type { UnreadRecords } from '../../../state/kafka/changelog.js';

/**
 * What of a log cannot be read. It is believed once two fetches have brought the same: what differs from fetch to fetch is damaged on its
 * way. Where not even the end of a record batch is known, it is passed over offset by offset, and told as one range.
 */
export class UnreadRanges {
  readonly #tell: (records: UnreadRecords) => void;
  #doubt: UnreadRecords | undefined;
  #passed: UnreadRecords | undefined;

  constructor(tell: (records: UnreadRecords) => void) {
    this.#tell = tell;
  }

  believes({ from, until, reason }: UnreadRecords): boolean {
    const isNext = this.#passed?.until === from && this.#passed.reason === reason;
    const doubt = this.#doubt;
    this.#doubt = { from, until, reason };
    return isNext || (doubt?.from === from && doubt.until === until && doubt.reason === reason);
  }

  pass(records: UnreadRecords): void {
    const passed = this.#passed;
    const isNext = passed?.until === records.from && passed.reason === records.reason;
    if (!isNext) this.end();
    this.#passed = isNext ? { ...records, from: passed.from } : records;
  }

  /** Nothing more is read. */
  end(): void {
    if (this.#passed) this.#tell(this.#passed);
    this.#passed = undefined;
  }
}
