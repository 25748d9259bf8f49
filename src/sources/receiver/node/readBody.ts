import type { Readable } from 'node:stream';

/** A body is longer than it may be. */
export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError';
}

/** Reads a stream of bytes to its end. */
export async function readBody(stream: Readable, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  await new Promise<void>((resolve, reject) => {
    stream.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes > maxBytes) {
        stream.removeAllListeners('data');
        stream.pause();
        reject(new BodyTooLargeError(`the body has more than ${maxBytes} bytes`));
        return;
      }
      parts.push(part);
    });
    stream.on('end', resolve);
    stream.on('error', reject);
    stream.on('close', () => reject(new Error('the sender has closed the connection')));
  });
  return Buffer.concat(parts);
}
