import { createRequire } from 'node:module';
import { gunzipSync } from 'node:zlib';

/** What a codec gives back: at once, or later. */
export type Decompress = (bytes: Buffer) => Buffer | Promise<Buffer>;

export interface Codec {
  readonly name: string;
  /** What to install and register when it is missing. */
  readonly packageName: string;
  /** `undefined` when nothing is registered. */
  readonly decompress: Decompress | undefined;
}

/** A batch may not blow up beyond this when it is unpacked: a damaged length must not take the memory. */
const maxUnpacked = 512 * 1024 * 1024;

const known: Readonly<Record<number, readonly [name: string, packageName: string]>> = {
  1: ['gzip', 'nothing'],
  2: ['snappy', 'kafkajs-snappy'],
  3: ['lz4', 'kafkajs-lz4'],
  4: ['zstd', '@kafkajs/zstd'],
};

type Registry = Record<number, () => { decompress(bytes: Buffer): Promise<Buffer> }>;

/** The codec of a record batch: gzip by zlib, the others as registered in kafkajs. */
export function codecOf(id: number): Codec | undefined {
  const names = known[id];
  if (!names) return undefined;
  const [name, packageName] = names;
  if (id === 1)
    return { name, packageName, decompress: (bytes) => gunzipSync(bytes, { maxOutputLength: maxUnpacked }) };
  return { name, packageName, decompress: registered(id) };
}

/** kafkajs fills the places of missing codecs with functions that throw. */
function registered(id: number): Decompress | undefined {
  const { CompressionCodecs } = createRequire(import.meta.url)('kafkajs') as { CompressionCodecs: Registry };
  try {
    const codec = CompressionCodecs[id]?.();
    return codec && ((bytes) => codec.decompress(bytes));
  } catch {
    return undefined;
  }
}
