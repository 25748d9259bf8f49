/** A record batch may not unpack to more than this: a few KB can hold gigabytes. */
export const maxUnpackedBytes = 512 * 1024 * 1024;

/**
 * An upper bound on the bytes that a compressed record batch unpacks to, without unpacking it: from the headers of its frames and
 * blocks. So a decoder, which may have no limit of its own, is never called for more than `maxUnpackedBytes`. A declared size beyond
 * what the compressed bytes can hold is refused too: a decoder would allocate it.
 *
 * Sources: the format descriptions of snappy and of its framing in snappy-java, of LZ4 frames, and of Zstandard (RFC 8878).
 *
 * @throws {Error} when the bytes are cut off, or not in the format of the codec
 */
export function unpackedBound(codec: string, packed: Buffer): number {
  try {
    if (codec === 'gzip') return gzipBound(packed);
    if (codec === 'snappy') return snappyBound(packed);
    if (codec === 'lz4') return lz4Bound(packed);
    return codec === 'zstd' ? zstdBound(packed) : Infinity;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Error(`its ${codec} bytes are cut off`, { cause: error });
  }
}

/**
 * A gzip member ends with the size of its content, modulo 2^32. The size may be too small, so zlib has to limit unpacking as well.
 */
function gzipBound(packed: Buffer): number {
  return packed.readUInt32LE(packed.length - 4);
}

/** A copy of three bytes makes at most 64. */
const maxSnappyRatio = 64 / 3;
const xerialHeader = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
/** Magic, version and lowest compatible version. */
const xerialHeaderBytes = 16;

/** One raw block; or xerial's header, and blocks with their lengths. */
function snappyBound(packed: Buffer): number {
  if (!packed.subarray(0, xerialHeader.length).equals(xerialHeader)) return snappyBlockBound(packed);
  let bound = 0;
  for (let at = xerialHeaderBytes; at < packed.length; ) {
    const length = packed.readInt32BE(at);
    at += 4;
    bound += snappyBlockBound(slice(packed, at, length));
    at += length;
  }
  return bound;
}

/** A block begins with its unpacked size. */
function snappyBlockBound(block: Buffer): number {
  let declared = 0;
  for (let at = 0, power = 1; ; power *= 128) {
    const byte = block.readUInt8(at++);
    declared += (byte & 0x7f) * power;
    if (byte < 0x80) break;
    if (at === 5) throw new Error('the size of its snappy block does not end');
  }
  return honest('snappy', declared, block.length * maxSnappyRatio);
}

const lz4Magic = 0x184d2204;
/** Every byte that extends a length adds at most 255. */
const maxLz4Ratio = 255;
/** By the number in the frame descriptor. */
const lz4BlockBytes: Readonly<Record<number, number>> = { 4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22 };

function lz4Bound(packed: Buffer): number {
  let bound = 0;
  for (let at = 0; at < packed.length; ) {
    const magic = packed.readUInt32LE(at);
    if (isSkippable(magic)) {
      at += 8 + packed.readUInt32LE(at + 4);
      continue;
    }
    if (magic !== lz4Magic) throw new Error('its bytes are not an lz4 frame');
    const flags = packed.readUInt8(at + 4);
    const blockBytes = lz4BlockBytes[(packed.readUInt8(at + 5) >> 4) & 7];
    if (blockBytes === undefined) throw new Error('the block size of its lz4 frame is not defined');
    const [blockChecksum, hasSize, contentChecksum, dictionary] = [16, 8, 4, 1].map((bit) => (flags & bit) !== 0);
    const declared = hasSize ? Number(packed.readBigUInt64LE(at + 6)) : 0;
    at += 7 + (hasSize ? 8 : 0) + (dictionary ? 4 : 0);
    let frame = 0;
    for (;;) {
      const word = packed.readUInt32LE(at);
      at += 4;
      if (word === 0) break;
      const size = word & 0x7fffffff;
      const isCompressed = word === size;
      frame += isCompressed ? Math.min(blockBytes, slice(packed, at, size).length * maxLz4Ratio) : size;
      at += size + (blockChecksum ? 4 : 0);
    }
    at += contentChecksum ? 4 : 0;
    honest('lz4', declared, frame);
    bound += frame;
  }
  return bound;
}

const zstdMagic = 0xfd2fb528;
const maxZstdBlockBytes = 128 * 1_024;
/** Bytes of the dictionary's id and of the content's size, by the flags in the frame header. */
const dictionaryIdBytes = [0, 1, 2, 4] as const;
const zstdBlock = { raw: 0, repeated: 1, compressed: 2 } as const;

function zstdBound(packed: Buffer): number {
  let bound = 0;
  for (let at = 0; at < packed.length; ) {
    const magic = packed.readUInt32LE(at);
    if (isSkippable(magic)) {
      at += 8 + packed.readUInt32LE(at + 4);
      continue;
    }
    if (magic !== zstdMagic) throw new Error('its bytes are not a zstd frame');
    const flags = packed.readUInt8(at + 4);
    const isSingleSegment = (flags & 0x20) !== 0;
    const hasChecksum = (flags & 0x04) !== 0;
    const blockBytes = isSingleSegment
      ? maxZstdBlockBytes
      : Math.min(maxZstdBlockBytes, zstdWindow(packed.readUInt8(at + 5)));
    at += 5 + (isSingleSegment ? 0 : 1) + (dictionaryIdBytes[flags & 3] ?? 0);
    const [sizeBytes, declared] = zstdContentSize(packed, at, flags >> 6, isSingleSegment);
    at += sizeBytes;
    let frame = 0;
    for (let isLast = false; !isLast; ) {
      const header = packed.readUIntLE(at, 3);
      at += 3;
      isLast = (header & 1) === 1;
      const type = (header >> 1) & 3;
      const size = header >> 3;
      if (type > zstdBlock.compressed) throw new Error('a block of its zstd frame has an undefined type');
      frame += type === zstdBlock.compressed ? blockBytes : size;
      at += slice(packed, at, type === zstdBlock.repeated ? 1 : size).length;
    }
    at += hasChecksum ? 4 : 0;
    // A decoder of zstd checks a declared size.
    bound += declared === undefined ? frame : honest('zstd', declared, frame);
  }
  return bound;
}

/** The window descriptor: five bits of exponent, three of mantissa. */
function zstdWindow(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** The bytes of the size field, and the size; `undefined` where it is not declared. */
function zstdContentSize(
  packed: Buffer,
  at: number,
  flag: number,
  isSingleSegment: boolean,
): [bytes: number, size: number | undefined] {
  if (flag === 1) return [2, packed.readUInt16LE(at) + 256];
  if (flag === 2) return [4, packed.readUInt32LE(at)];
  if (flag === 3) return [8, Number(packed.readBigUInt64LE(at))];
  return isSingleSegment ? [1, packed.readUInt8(at)] : [0, undefined];
}

/** Frames with user data, which decoders pass over. */
function isSkippable(magic: number): boolean {
  return magic >>> 4 === 0x184d2a5;
}

function honest(codec: string, declared: number, possible: number): number {
  if (declared <= possible) return declared;
  throw new Error(
    `it declares ${declared} unpacked bytes, and its ${codec} bytes hold at most ${Math.floor(possible)}`,
  );
}

function slice(packed: Buffer, at: number, length: number): Buffer {
  if (length < 0 || at + length > packed.length) throw new RangeError(`${length} bytes do not fit the record batch`);
  return packed.subarray(at, at + length);
}
