import { gunzipSync, gzipSync } from 'node:zlib';
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

interface RegisteredCodec {
  decompress(bytes: Buffer): Promise<Buffer>;
  /** kafkajs passes an encoder, of which codecs read the bytes. */
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
}

type Registry = Record<number, () => RegisteredCodec>;

/** The codec of a record batch: gzip from zlib, the others as registered in kafkajs. */
export function codecOf(id: number): Codec | undefined {
  const names = known[id];
  if (!names) return undefined;
  const [name, packageName] = names;
  if (id === 1) return { name, packageName, decompress: gunzip, compress: (bytes) => gzipSync(bytes) };
  const codec = registered(id);
  return {
    name,
    packageName,
    decompress: codec && ((bytes) => codec.decompress(bytes)),
    compress: codec && ((bytes) => codec.compress({ buffer: bytes })),
  };
}

function gunzip(bytes: Buffer): Buffer {
  return gunzipSync(bytes, { maxOutputLength: maxUnpackedBytes });
}

/** kafkajs fills the places of missing codecs with functions that throw. */
function registered(id: number): RegisteredCodec | undefined {
  const codecs = kafkajs.CompressionCodecs as unknown as Registry;
  try {
    return codecs[id]?.();
  } catch {
    return undefined;
  }
}
