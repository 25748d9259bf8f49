import type { ObservableInput } from 'rxjs';
import { InvalidOptionError, InvalidRecordError, QueueOverflowError } from '../../batch/errors.js';
import { firstBatchTime } from '../../driver/batchTime.js';
import type { SourceSetup } from '../source.js';
import { Alarm } from './alarm.js';
import { BlockGenerator, type BlockRange } from './blockGenerator.js';
import { BlockTimes } from './blockTimes.js';
import { DiskStore } from './diskStore.js';
import { bytesWithin, type EncodedBlock, encodedBlocks, recordsWithin } from './encodedBlocks.js';
import { type LogEvents, type LogGroup, LoggedRecords } from './loggedRecords.js';
import { MemoryStore } from './memoryStore.js';
import type { Arrival } from './receiver.js';
import type { ResolvedReceiverOptions } from './receiverOptions.js';
import { ReceiverPositions } from './receiverPositions.js';
import { recordSize, type SizeOf } from './recordSize.js';
import type { StoredBlock, WriteAheadLogSession } from './writeAheadLog.js';

const defaultBlockIntervalMs = 200;

export interface ReceivedEvents {
  /** An overflow, or a failure of the log: nothing more is taken. */
  fail(error: unknown): void;
  /** There may be room again. */
  written(): void;
}

/**
 * What has been received and not been read by a batch, within its bounds. With a log, records pass through it first, so that the
 * blocks, from which batches take, are of durable records only:
 *
 *     arrive -> log -> waiting -> blocks -> planned -> fetched
 */
export class ReceivedRecords<T> {
  readonly #owner: string;
  readonly #options: ResolvedReceiverOptions;
  readonly #setup: SourceSetup;
  readonly #events: ReceivedEvents;
  readonly #log: WriteAheadLogSession | undefined;
  readonly #logged: LoggedRecords<T> | undefined;
  readonly #blocks: BlockGenerator;
  readonly #store: MemoryStore<T> | DiskStore<T>;
  readonly #times: BlockTimes | undefined;
  readonly #positions: ReceiverPositions;
  /** When the newest record of each planned range arrived, where that matters. */
  readonly #plannedTimes = new Map<number, number>();
  readonly #sizeOf: SizeOf<T>;
  readonly #blockInterval: number;
  #plannedRecords = 0;
  #skipped = 0;
  #tick: Alarm | undefined;
  #failed = false;

  constructor(
    owner: string,
    options: ResolvedReceiverOptions,
    setup: SourceSetup,
    /** The write-ahead log, or the store of blocks on disk. */
    session: WriteAheadLogSession | undefined,
    /** Where what was ever planned ends: no offset is used twice. */
    firstOffset: number,
    events: ReceivedEvents,
  ) {
    this.#owner = owner;
    this.#options = options;
    this.#setup = setup;
    const log = options.writeAheadLog && session;
    this.#log = log;
    this.#events = events;
    this.#sizeOf = options.sizeOf ?? recordSize();
    this.#blockInterval = options.blockInterval ?? Math.min(defaultBlockIntervalMs, setup.interval);
    this.#blocks = new BlockGenerator(this.#blockInterval, firstOffset);
    this.#times = options.ignore && new BlockTimes();
    this.#positions = new ReceiverPositions(setup.restored?.at(-1)?.receiverPositions);
    this.#store = this.#openStore(session, firstOffset);
    this.#logged = log && this.#openLog(log, this.#recover(log, firstOffset));
  }

  /** Records that no batch has taken. */
  get waiting(): number {
    return this.#blocks.size + (this.#logged?.size ?? 0);
  }

  /** Records that a batch may take. */
  get ready(): number {
    return this.#blocks.size;
  }

  /** Blocks that no batch has taken. */
  get blocks(): number {
    return this.#blocks.blocks;
  }

  /** Records that wait for the disk. */
  get unstored(): number {
    return (this.#logged?.size ?? 0) + this.#store.unstored;
  }

  /** Records that wait, and those that batches have taken and not read. */
  get records(): number {
    return this.waiting + this.#plannedRecords;
  }

  get bytes(): number {
    return this.#store.memoryBytes + (this.#logged?.bytes ?? 0);
  }

  get diskBytes(): number {
    return this.#store.diskBytes;
  }

  /** Offset of the first record that no batch has taken. */
  get base(): number {
    return this.#blocks.base;
  }

  /** Offset of the next record. */
  get end(): number {
    return this.#blocks.end + (this.#logged?.size ?? 0);
  }

  /** Whether the log has not answered a write in time. */
  get hung(): boolean {
    return this.#logged?.hung ?? false;
  }

  get room(): boolean {
    return this.#full === undefined;
  }

  /** Where a receiver that is started goes on. */
  resumeFrom(index: number): string | undefined {
    return this.#positions.resumeFrom(index);
  }

  /** Where the receivers go on after the records before this offset, which no batch reads again. */
  readUntil(offset: number): readonly string[] {
    return this.#positions.readUntil(offset);
  }

  /** @param failed what throws when its sender is notified fails the receiver */
  arrive(index: number, arrival: Arrival<T>, failed: (error: unknown) => void): void {
    const { records, block, inHand = false, position, stored, refused, dropped } = arrival;
    if (this.#failed) return;
    const notify = (sender: () => void) => {
      try {
        sender();
      } catch (error) {
        failed(error);
      }
    };
    const refusal = this.#refusal(records);
    if (refusal) {
      if (refused && refusal instanceof InvalidRecordError) notify(() => refused(refusal));
      else failed(refusal);
      return;
    }
    if (!this.#makeRoom(records.length, inHand, (error) => dropped && notify(() => dropped(error)))) return;
    const sizes = records.map(this.#sizeOf);
    const until = this.end + records.length;
    const positions = position === undefined ? undefined : this.#positions.arrive(index, position, until);
    const done = stored && (() => notify(stored));
    if (this.#logged) this.#logged.push(records, sizes, { stored: done, block, positions });
    else {
      this.#gather({ records, sizes, cuts: block ? [0, records.length] : [] }, done);
    }
  }

  /** Returns the blocks of a batch. */
  take(rate: number | undefined, interval: number): readonly BlockRange[] {
    const now = this.#setup.scheduler.now();
    // The timers of a batch and of a block that end at the same time may fire in any order.
    if (this.#tick && this.#tick.due <= now) this.#endBlock();
    const most = this.#store.countWithin(this.#blocks.base, this.#options.maxBatchBytes);
    const ranges = this.#blocks.take(rate, interval, now, most);
    for (const range of ranges) {
      this.#store.plan(range);
      this.#plannedRecords += range.until - range.from;
      const time = this.#times?.take(range);
      if (time !== undefined) this.#plannedTimes.set(range.from, time);
    }
    return ranges;
  }

  /** When the newest record of a planned range arrived, where `ignore` needs it. */
  arrivalOf({ from }: BlockRange): number | undefined {
    return this.#plannedTimes.get(from);
  }

  /** Returns the records of a planned range, or as many as are there. */
  fetch(range: BlockRange): readonly T[] | Promise<readonly T[]> {
    this.#forget(range);
    return this.#store.fetch(range);
  }

  /** Leaves a planned range out. */
  discard(range: BlockRange): void {
    this.#forget(range);
    this.#store.discard(range);
  }

  /** Returns how many records were dropped since the last call. */
  takeSkipped(): number {
    const skipped = this.#skipped;
    this.#skipped = 0;
    return skipped;
  }

  close(): ObservableInput<unknown> {
    this.#failed = true;
    this.#tick?.cancel();
    this.#logged?.close();
    return this.#store.close();
  }

  /** Which bound has been reached. */
  get #full(): 'records' | 'bytes' | undefined {
    if (this.records >= this.#options.maxQueue) return 'records';
    return this.#store.room && this.bytes < this.#options.maxQueueBytes ? undefined : 'bytes';
  }

  #forget({ from, until }: BlockRange): void {
    this.#plannedTimes.delete(from);
    this.#plannedRecords -= until - from;
  }

  #openStore(session: WriteAheadLogSession | undefined, firstOffset: number): MemoryStore<T> | DiskStore<T> {
    const { storageLevel, maxQueueBytes: maxBytes, storeTimeout, writeAheadLog, blockStore } = this.#options;
    const log = writeAheadLog ?? blockStore;
    if (storageLevel === 'memory' || !log || !session) return new MemoryStore(maxBytes);
    if (!session.read || !session.stored) {
      const rule = `needs a log that can read blocks back, and ${log.location} cannot`;
      throw new InvalidOptionError(this.#owner, 'storageLevel', storageLevel, rule);
    }
    return new DiskStore(session, firstOffset, {
      maxBytes,
      keepsInMemory: storageLevel === 'memory-and-disk',
      logged: writeAheadLog !== undefined,
      location: log.location,
      storeTimeout,
      scheduler: this.#setup.scheduler,
      failed: (error) => this.#fail(error),
      written: () => this.#events.written(),
    });
  }

  /** Takes over what the log has kept: what was planned is replayed, the rest waits for the next batch. Returns where it ends. */
  #recover(log: WriteAheadLogSession, first: number): number {
    const replayed = this.#setup.replay.flat();
    for (const { from, until } of replayed) this.#plannedRecords += until - from;
    return this.#store instanceof DiskStore
      ? this.#recoverStored(this.#store, log.stored?.() ?? [], first)
      : this.#recoverRecords(this.#store, encodedBlocks<T>(log, this.#sizeOf), first, replayed);
  }

  #recoverRecords(
    store: MemoryStore<T>,
    blocks: readonly EncodedBlock<T>[],
    first: number,
    replayed: readonly BlockRange[],
  ): number {
    for (const range of replayed) {
      const parts = blocks.filter(({ from, until }) => from < range.until && until > range.from);
      const bytes = parts.reduce((sum, part) => sum + bytesWithin(part, range), 0);
      store.recover(range.from, bytes, () => parts.flatMap((part) => recordsWithin(part, range)));
      this.#notePlanned(range, parts.at(-1)?.time);
    }
    let next = first;
    for (const block of blocks) {
      this.#positions.recover(block.positions ?? []);
      if (block.until <= next) continue;
      const rest = { from: Math.max(next, block.from), until: block.until };
      store.pushEncoded({ ...rest, bytes: bytesWithin(block, rest), read: () => recordsWithin(block, rest) });
      this.#blocks.push(rest.until - next);
      next = block.until;
      if (block.time !== undefined) this.#times?.mark(next, block.time);
    }
    if (this.#times) this.#blocks.cut();
    if (next > first) this.#schedule();
    return next;
  }

  #recoverStored(store: DiskStore<T>, blocks: readonly StoredBlock[], first: number): number {
    let next = first;
    for (const { from, until, bytes, time, positions = [] } of blocks) {
      store.recover({ from, until }, bytes);
      this.#positions.recover(positions);
      if (until <= next) continue;
      this.#blocks.push(until - next);
      next = until;
      if (time !== undefined) this.#times?.mark(next, time);
    }
    for (const range of this.#setup.replay.flat()) {
      this.#notePlanned(range, blocks.findLast(({ from }) => from < range.until)?.time);
    }
    if (this.#times) this.#blocks.cut();
    if (next > first) this.#schedule();
    return next;
  }

  #notePlanned({ from }: BlockRange, time: number | undefined): void {
    if (time !== undefined) this.#plannedTimes.set(from, time);
  }

  #openLog(log: WriteAheadLogSession, next: number): LoggedRecords<T> {
    const { scheduler } = this.#setup;
    const { storeTimeout, writeAheadLog } = this.#options;
    const limits = { scheduler, storeTimeout, location: writeAheadLog?.location ?? '' };
    return new LoggedRecords<T>(log, next, limits, {
      durable: (group) => this.#gather(group),
      fail: (error) => this.#fail(error),
      syncing: this.#syncing(),
    });
  }

  /** Times what is appended to the log, for monitors. */
  #syncing(): LogEvents<T>['syncing'] {
    const { synced, scheduler } = this.#setup;
    return (
      synced &&
      ((records) => {
        const startTime = scheduler.now();
        return (failure) => synced({ records, startTime, duration: scheduler.now() - startTime, ...failure });
      })
    );
  }

  #gather({ records, sizes, cuts }: LogGroup<T>, stored?: () => void): void {
    let done = 0;
    for (const cut of cuts) {
      this.#blocks.push(cut - done);
      this.#blocks.cut();
      done = cut;
    }
    this.#blocks.push(records.length - done);
    this.#store.push(records, sizes, stored);
    if (records.length > 0) this.#schedule();
  }

  /** Why the log could not read these records back, or what the check itself failed with. */
  #refusal(records: readonly T[]): unknown {
    const { check } = this.#log ?? {};
    if (!check) return undefined;
    try {
      for (const record of records) this.#log?.check?.(record);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** Returns whether new records are taken. */
  #makeRoom(count: number, inHand: boolean, dropped: (error: QueueOverflowError) => void): boolean {
    const full = this.#full;
    if (!full) return true;
    const { overflow, maxQueue, maxQueueBytes } = this.#options;
    const isWithinTwice = this.records < 2 * maxQueue && this.bytes < 2 * maxQueueBytes;
    if (inHand && overflow === 'error' && isWithinTwice) return true;
    const error = new QueueOverflowError(this.#owner, full === 'records' ? maxQueue : maxQueueBytes, full);
    if (overflow === 'error') {
      dropped(error);
      this.#fail(error);
      return false;
    }
    // What a batch has taken is not touched: its ranges are fixed.
    while (overflow === 'drop-oldest' && this.#full && this.#blocks.size > 0) {
      this.#blocks.dropOldest();
      this.#store.dropOldest();
      this.#skipped++;
    }
    if (overflow === 'drop-oldest' && !this.#full) return true;
    this.#skipped += count;
    dropped(error);
    return false;
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#events.fail(error);
  }

  /** Ticks come at the multiples of the block interval, and only while there is something for them to do. */
  #schedule(): void {
    if (this.#tick) return;
    const { scheduler } = this.#setup;
    const now = scheduler.now();
    const delay = firstBatchTime(now, this.#blockInterval) - now;
    this.#tick = new Alarm(scheduler, delay, () => this.#endBlock());
  }

  #endBlock(): void {
    this.#tick?.cancel();
    this.#tick = undefined;
    const now = this.#setup.scheduler.now();
    this.#times?.mark(this.#blocks.end, now);
    this.#store.endBlock();
    this.#blocks.tick(now);
    if (this.#blocks.ungathered) this.#schedule();
  }
}
