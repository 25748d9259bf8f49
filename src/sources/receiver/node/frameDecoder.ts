/** Cuts a stream of bytes into frames. */
export interface FrameDecoder {
  /** Returns the frames that are complete now. What they refer to stays valid. */
  push(chunk: Buffer): readonly Buffer[];
  /** Returns what is left at the end of the stream: a last line without its end. */
  end(): readonly Buffer[];
}

/** How a stream of bytes is cut into frames. */
export type Framing = 'lines' | 'length-prefixed';

/** What was received is no frame. */
class FrameError extends Error {
  override readonly name = 'FrameError';
}

const newline = 0x0a;
const carriageReturn = 0x0d;
const prefixBytes = 4;

export function frameDecoder(framing: Framing, maxFrameBytes: number): FrameDecoder {
  return framing === 'lines' ? new LineDecoder(maxFrameBytes) : new PrefixDecoder(maxFrameBytes);
}

/** Lines end with `\n` or `\r\n`. */
class LineDecoder implements FrameDecoder {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): readonly Buffer[] {
    const frames: Buffer[] = [];
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      frames.push(this.#line(chunk.subarray(from, at)));
      from = at + 1;
    }
    this.#keep(chunk.subarray(from));
    return frames;
  }

  end(): readonly Buffer[] {
    return this.#bytes > 0 ? [this.#line(Buffer.alloc(0))] : [];
  }

  #line(last: Buffer): Buffer {
    this.#keep(last);
    const line = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    return line.at(-1) === carriageReturn ? line.subarray(0, -1) : line;
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > this.#maxBytes) throw tooLarge('a line', this.#bytes, this.#maxBytes);
    if (part.length > 0) this.#parts.push(part);
  }
}

/** Each frame comes after its length: 4 bytes, big endian. */
class PrefixDecoder implements FrameDecoder {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;
  /** Bytes of the frame that is being received; `undefined` before its length is known. */
  #length: number | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): readonly Buffer[] {
    this.#parts.push(chunk);
    this.#bytes += chunk.length;
    const frames: Buffer[] = [];
    for (;;) {
      if (this.#length === undefined) {
        if (this.#bytes < prefixBytes) return frames;
        this.#length = this.#take(prefixBytes).readUInt32BE(0);
        if (this.#length > this.#maxBytes) throw tooLarge('a frame', this.#length, this.#maxBytes);
      }
      if (this.#bytes < this.#length) return frames;
      frames.push(this.#take(this.#length));
      this.#length = undefined;
    }
  }

  end(): readonly Buffer[] {
    if (this.#bytes === 0 && this.#length === undefined) return [];
    throw new FrameError('the stream ends within a frame');
  }

  #take(count: number): Buffer {
    const all = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    this.#parts = [all.subarray(count)];
    this.#bytes -= count;
    return all.subarray(0, count);
  }
}

function tooLarge(what: string, bytes: number, limit: number): FrameError {
  return new FrameError(`${what} has ${bytes} bytes or more, and maxFrameBytes is ${limit}`);
}
