import type { BoardUpdate } from '../wire/boardUpdate.js';
import type { EventStream } from './eventStream.js';
import type { GroupRecord } from './groupRecord.js';
import type { StreamRecord } from './streamRecord.js';

/** At most 4 updates a second, however short the batch interval is. */
const updateIntervalMs = 250;
/** Ages on the page (`for 3 s`) change while nothing happens. */
const idleIntervalMs = 1_000;
const commentIntervalMs = 15_000;
const maxPages = 32;

interface Page {
  readonly stream: EventStream;
  /** The stream that it asked for; the first one without. */
  readonly wanted: string | undefined;
  /** The id of what it had, until the first update. */
  readonly lastId: string | undefined;
  record: StreamRecord | undefined;
  /** The number of the newest row that it has. */
  number: number;
  changes: number;
  sentAt: number;
  wroteAt: number;
}

/** The parts of an update that pages of one stream share, so that each is made into text once. */
type Shared = Map<StreamRecord, { readonly view: string; readonly news: Map<number, string> }>;

/**
 * Sends updates to the open pages. A page that reads slowly is left out until all it was sent has gone, and then receives the
 * latest view with the rows it has missed: so at most one update is queued for it, whose size `keptBatches` and
 * `shownPartitions` bound.
 */
export class PageFeed {
  readonly #records: ReadonlyMap<string, StreamRecord>;
  readonly #group: GroupRecord;
  readonly #now: () => number;
  readonly #report: (error: unknown) => void;
  readonly #pages = new Set<Page>();
  #timer: NodeJS.Timeout | undefined;

  /** `now` is a clock in ms that never goes back; `report` receives what a snapshot throws. */
  constructor(
    records: ReadonlyMap<string, StreamRecord>,
    group: GroupRecord,
    now: () => number,
    report: (error: unknown) => void,
  ) {
    this.#records = records;
    this.#group = group;
    this.#now = now;
    this.#report = report;
  }

  get full(): boolean {
    return this.#pages.size >= maxPages;
  }

  /** Begins to send to a page; `lastId` is the id of the last update that it has. */
  add(stream: EventStream, wanted: string | undefined, lastId: string | undefined): void {
    const never = Number.NEGATIVE_INFINITY;
    const page: Page = {
      stream,
      wanted,
      lastId,
      record: undefined,
      number: 0,
      changes: -1,
      sentAt: never,
      wroteAt: this.#now(),
    };
    this.#pages.add(page);
    stream.onClose(() => this.#remove(page));
    this.#update(page, new Map());
    this.#timer ??= setInterval(() => this.#tick(), updateIntervalMs).unref();
  }

  /** Sends what is new to every page, and ends its stream. */
  close(): void {
    const shared: Shared = new Map();
    for (const page of [...this.#pages]) {
      this.#update(page, shared);
      this.#end(page);
    }
  }

  /** Nothing may be sent to it from here on: to write behind the end is an error that nobody handles. */
  #end(page: Page): void {
    this.#remove(page);
    page.stream.end();
  }

  #remove(page: Page): void {
    this.#pages.delete(page);
    if (this.#pages.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const shared: Shared = new Map();
    for (const page of this.#pages) this.#update(page, shared);
  }

  #update(page: Page, shared: Shared): void {
    if (page.stream.queuedBytes > 0) return;
    const now = this.#now();
    const record = this.#recordOf(page);
    const changes = this.#group.changes + (record?.changes ?? 0);
    const changed = page.changes !== changes;
    const aged = now - page.sentAt >= idleIntervalMs && record?.live === true;
    if (changed || aged) {
      page.changes = changes;
      page.sentAt = now;
      page.wroteAt = now;
      this.#send(page, record, shared);
    } else if (now - page.wroteAt >= commentIntervalMs) {
      page.wroteAt = now;
      page.stream.comment();
    }
  }

  #send(page: Page, record: StreamRecord | undefined, shared: Shared): void {
    if (!record) {
      const nothing: BoardUpdate = {
        ...{ streams: [...this.#records.keys()], group: this.#group.view() },
        ...{ rows: [], failures: [] },
      };
      page.stream.send('', JSON.stringify(nothing));
      return;
    }
    try {
      page.stream.send(record.idOf(record.newest), this.#updateFor(record, page.number, shared));
      page.number = record.newest;
    } catch (error) {
      // A source of the user's whose `snapshot` throws must not end the process by a timer: the page shows that it has no data.
      this.#end(page);
      this.#report(error);
    }
  }

  #recordOf(page: Page): StreamRecord | undefined {
    if (page.record) return page.record;
    const { wanted } = page;
    const record = wanted === undefined ? this.#records.values().next().value : this.#records.get(wanted);
    if (!record) return undefined;
    page.record = record;
    page.number = record.numberOf(page.lastId);
    return record;
  }

  #updateFor(record: StreamRecord, number: number, shared: Shared): string {
    const known = shared.get(record) ?? { view: JSON.stringify(record.view()), news: new Map() };
    shared.set(record, known);
    const news = known.news.get(number) ?? JSON.stringify(record.after(number)).slice(1);
    known.news.set(number, news);
    const group = JSON.stringify({ group: this.#group.view() }).slice(1, -1);
    const streams = JSON.stringify([...this.#records.keys()]);
    return `{"streams":${streams},"view":${known.view},${group && `${group},`}${news}`;
  }
}
