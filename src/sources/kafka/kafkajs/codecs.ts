import { createRequire } from 'node:module';
import { gunzipSync } from 'node:zlib';
import type { Codec } from '../protocol/codec.js';

/** A record batch may not unpack to more than this: a damaged length must not exhaust the memory. */
const maxUnpackedBytes = 512 * 1024 * 1024;

const known: Readonly<Record<number, readonly [name: string, packageName: string]>> = {
  1: ['gzip', 'nothing'],
  2: ['snappy', 'kafkajs-snappy'],
  3: ['lz4', 'kafkajs-lz4'],
  4: ['zstd', '@kafkajs/zstd'],
};

type Registry = Record<number, () => { decompress(bytes: Buffer): Promise<Buffer> }>;

/** The codec of a record batch: gzip from zlib, the others as registered in kafkajs. */
export function codecOf(id: number): Codec | undefined {
  const names = known[id];
  if (!names) return undefined;
  const [name, packageName] = names;
  const decompress = id === 1 ? gunzip : registered(id);
  return { name, packageName, decompress };
}

function gunzip(bytes: Buffer): Buffer {
  return gunzipSync(bytes, { maxOutputLength: maxUnpackedBytes });
}

/** kafkajs fills the places of missing codecs with functions that throw. */
function registered(id: number): Codec['decompress'] {
  const { CompressionCodecs } = createRequire(import.meta.url)('kafkajs') as { CompressionCodecs: Registry };
  try {
    const codec = CompressionCodecs[id]?.();
    return codec && ((bytes) => codec.decompress(bytes));
  } catch {
    return undefined;
  }
}
