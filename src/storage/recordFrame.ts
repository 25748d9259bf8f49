import { crc32 } from './crc32.js';

// A file of records, each framed, behind a header that says what the file is:
//
//     header   magic (8) | version (4)
//     frame    length (4) | sequence (4) | crc of those two (4) | crc of the payload (4) | payload
//
// Numbers are big endian. Records are numbered from 0 within their file. The head of a frame has a checksum of its own, so
// that a damaged length is recognized, and a whole record behind a damaged one can be found.

const magic = Buffer.from('dstream\n');
export const headerBytes = 12;
export const frameBytes = 16;

/** A file of another version is refused. */
const formatVersion = 1;
/** The same, with a message authentication code (`recordMac`) before each payload. */
const authenticatedVersion = 2;

export function header(authenticated = false): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  magic.copy(bytes);
  bytes.writeUInt32BE(authenticated ? authenticatedVersion : formatVersion, magic.length);
  return bytes;
}

/** Returns what is wrong with a header, and at which byte. */
export function headerFault(
  bytes: Buffer,
  authenticated = false,
): { readonly offset: number; readonly reason: string } | undefined {
  if (bytes.length < headerBytes || !bytes.subarray(0, magic.length).equals(magic)) {
    return { offset: 0, reason: 'it is not a file of dstream' };
  }
  const version = bytes.readUInt32BE(magic.length);
  if (version === (authenticated ? authenticatedVersion : formatVersion)) return undefined;
  return { offset: magic.length, reason: versionFault(version) };
}

/** Whether a header is that of a file with authentication codes where none are expected, or of one without them. */
export function isOtherKind(bytes: Buffer, authenticated: boolean): boolean {
  if (bytes.length < headerBytes || !bytes.subarray(0, magic.length).equals(magic)) return false;
  return bytes.readUInt32BE(magic.length) === (authenticated ? formatVersion : authenticatedVersion);
}

function versionFault(version: number): string {
  switch (version) {
    case formatVersion:
      return 'it was written without the option integrityKey, and one is set';
    case authenticatedVersion:
      return 'it was written with the option integrityKey, which is missing (`npx dstream` takes it from DSTREAM_INTEGRITY_KEY)';
    default:
      return `its format is version ${version}, this library reads ${formatVersion} and ${authenticatedVersion}`;
  }
}

/** Returns records as they are in the file; `sequence` is the number of the first. */
export function frame(payloads: readonly Uint8Array[], sequence: number): Buffer {
  const bytes = Buffer.allocUnsafe(payloads.reduce((sum, { length }) => sum + frameBytes + length, 0));
  let at = 0;
  for (const [i, payload] of payloads.entries()) {
    writeHead(bytes, at, payload, sequence + i);
    bytes.set(payload, at + frameBytes);
    at += frameBytes + payload.length;
  }
  return bytes;
}

/** What `frame` returns, in pieces: the payloads are not copied. */
export function framePieces(payloads: readonly Uint8Array[], sequence: number): readonly Uint8Array[] {
  return payloads.flatMap((payload, i) => {
    const head = Buffer.allocUnsafe(frameBytes);
    writeHead(head, 0, payload, sequence + i);
    return [head, payload];
  });
}

function writeHead(bytes: Buffer, at: number, payload: Uint8Array, sequence: number): void {
  bytes.writeUInt32BE(payload.length, at);
  bytes.writeUInt32BE(sequence, at + 4);
  bytes.writeUInt32BE(crc32(bytes.subarray(at, at + 8)), at + 8);
  bytes.writeUInt32BE(crc32(payload), at + 12);
}

export interface FrameHead {
  readonly length: number;
  readonly sequence: number;
  readonly crc: number;
}

/** Returns the head of the frame at `at`, or `undefined` when no valid head begins there. */
export function headAt(bytes: Buffer, at: number): FrameHead | undefined {
  if (at + frameBytes > bytes.length) return undefined;
  if (crc32(bytes.subarray(at, at + 8)) !== bytes.readUInt32BE(at + 8)) return undefined;
  return { length: bytes.readUInt32BE(at), sequence: bytes.readUInt32BE(at + 4), crc: bytes.readUInt32BE(at + 12) };
}

export function isWhole(payload: Buffer, { length, crc }: FrameHead): boolean {
  return payload.length === length && crc32(payload) === crc;
}
