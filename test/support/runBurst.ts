import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildChild } from '../crash/buildChild.js';
import { burstSenders } from './burstSenders.js';

export interface Burst {
  /** What receives: one of `burstSenders`. Default: records that are pulled from a generator. */
  readonly source?: string;
  readonly level: 'memory' | 'memory-and-disk' | 'disk' | 'log';
  readonly totalBytes: number;
  readonly recordBytes: number;
  readonly maxQueueBytes: number;
  /** How fast the output is. Default: a batch each 10 ms, whatever is in it. */
  readonly outputBytesPerSecond?: number;
  /** Limit of the heap, MB. */
  readonly heapMb: number;
}

export interface BurstResult {
  readonly count: number;
  readonly peakMb: number;
  /** The most that waited in memory and on disk, MB. */
  readonly waitingMb: number;
}

/** Runs a burst in a process of its own, whose heap is limited. */
export async function runBurst(burst: Burst): Promise<BurstResult> {
  const { source = 'pulled', level, totalBytes, recordBytes, maxQueueBytes, heapMb } = burst;
  const { outputBytesPerSecond = Infinity } = burst;
  const child = await buildChild(new URL('burstChild.ts', import.meta.url));
  const directory = mkdtempSync(join(tmpdir(), 'dstream-burst-'));
  const sent = join(directory, 'sent');
  mkdirSync(sent);
  const sender = await burstSenders[source]?.({ count: Math.ceil(totalBytes / recordBytes), recordBytes }, sent);
  try {
    const numbers = [totalBytes, recordBytes, maxQueueBytes, outputBytesPerSecond].map(String);
    const place = sender?.place ?? '';
    const parameters = [`--max-old-space-size=${heapMb}`, child, directory, source, place, level, ...numbers];
    const { stdout } = await promisify(execFile)(process.execPath, parameters);
    return JSON.parse(stdout) as BurstResult;
  } finally {
    sender?.close();
    rmSync(directory, { recursive: true, force: true });
    rmSync(child, { force: true });
  }
}
