import { createRequire } from 'node:module';
import { init, compress as zstdCompress, decompress as zstdDecompress } from '@bokuweb/zstd-wasm';
import kafkajs from 'kafkajs';
import { compressFrame, decompressFrame } from 'lz4-napi';

// kafkajs has no codecs but gzip: these are registered by the tests as a user would.
const { CompressionCodecs, CompressionTypes } = kafkajs;
const require = createRequire(import.meta.url);

export async function registerCodecs(): Promise<void> {
  await init();
  CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy');
  CompressionCodecs[CompressionTypes.LZ4] = () => ({
    compress: async ({ buffer }: { buffer: Buffer }) => compressFrame(buffer),
    decompress: async (bytes: Buffer) => decompressFrame(bytes),
  });
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: async ({ buffer }: { buffer: Buffer }) => Buffer.from(zstdCompress(buffer)),
    decompress: async (bytes: Buffer) => Buffer.from(zstdDecompress(bytes)),
  });
}
