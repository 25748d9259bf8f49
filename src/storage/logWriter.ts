import { die, failpoint, isDue } from './failpoint.js';
import { type FileSystem, type OpenFile, writeFully } from './fileSystem.js';
import { frame, frameBytes, framePieces, header, headerBytes } from './recordFrame.js';
import type { RecordMac } from './recordMac.js';

/** How large payloads must be to be written without being copied: for smaller ones another call takes longer. */
const minLargeBytes = 1 << 16;

/** Appends to a new log file. Not to be used after a failure: what the disk holds is unknown then. */
export class LogWriter {
  readonly #file: OpenFile;
  readonly #kind: string;
  readonly #mac: RecordMac | undefined;
  #size = headerBytes;
  #sequence = 0;
  #closed = false;

  private constructor(file: OpenFile, kind: string, mac: RecordMac | undefined) {
    this.#file = file;
    this.#kind = kind;
    this.#mac = mac;
  }

  /**
   * Creates the file, which must not exist. Its name is durable when the directory has been synced.
   *
   * @param kind what kind of log it is, for the names of its failpoints
   * @param mac authenticates the records
   */
  static async create(fs: FileSystem, path: string, kind: string, mac?: RecordMac): Promise<LogWriter> {
    const file = await fs.open(path, 'wx');
    try {
      await writeFully(file, header(mac !== undefined), 0);
      return new LogWriter(file, kind, mac);
    } catch (error) {
      await file.close();
      // Another attempt may create it then.
      await fs.remove(path).catch(() => {});
      throw error;
    }
  }

  /** Where the durable records end, in bytes. */
  get size(): number {
    return this.#size;
  }

  /** Resolves when the records are durable: written, and one sync for all of them. One call at a time. */
  async append(records: readonly Uint8Array[]): Promise<void> {
    const mac = this.#mac;
    const payloads = mac ? records.map((record, i) => mac.add(record, this.#sequence + i)) : records;
    const length = payloads.reduce((sum, payload) => sum + frameBytes + payload.length, 0);
    const large = length > payloads.length * minLargeBytes;
    const pieces = large ? framePieces(payloads, this.#sequence) : [frame(payloads, this.#sequence)];
    try {
      failpoint(`${this.#kind}:before-write`);
      if (isDue(`${this.#kind}:torn`)) {
        await writeFully(this.#file, Buffer.concat(pieces).subarray(0, Math.floor(length / 2)), this.#size);
        die();
      }
      await this.#write(pieces);
      failpoint(`${this.#kind}:before-sync`);
      await this.#file.datasync();
      failpoint(`${this.#kind}:after-sync`);
    } catch (error) {
      // The kernel may show as written what never reached the disk: no recovery may read it.
      await this.#file.truncate(this.#size).catch(() => {});
      throw error;
    }
    this.#size += length;
    this.#sequence += payloads.length;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.close();
  }

  async #write(pieces: readonly Uint8Array[]): Promise<void> {
    let position = this.#size;
    for (const piece of pieces) {
      await writeFully(this.#file, piece, position);
      position += piece.length;
    }
  }
}
