import { gunzipSync } from 'node:zlib';
import kafkajs from 'kafkajs';
import type { Codec } from '../protocol/codec.js';
import { maxUnpackedBytes } from '../protocol/unpackedBound.js';

/** Packages that install without a compiler; docs/kafka.md shows how to register them. */
const known: Readonly<Record<number, readonly [name: string, packageName: string]>> = {
  1: ['gzip', 'nothing'],
  2: ['snappy', 'kafkajs-snappy'],
  3: ['lz4', 'lz4-napi'],
  4: ['zstd', '@bokuweb/zstd-wasm'],
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
  const codecs = kafkajs.CompressionCodecs as Registry;
  try {
    const codec = codecs[id]?.();
    return codec && ((bytes) => codec.decompress(bytes));
  } catch {
    return undefined;
  }
}
