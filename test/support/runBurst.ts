import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildChild } from '../crash/buildChild.js';

export interface Burst {
  readonly level: 'memory' | 'memory-and-disk' | 'disk' | 'log';
  readonly totalBytes: number;
  readonly recordBytes: number;
  readonly maxQueueBytes: number;
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
  const { level, totalBytes, recordBytes, maxQueueBytes, heapMb } = burst;
  const child = await buildChild(new URL('burstChild.ts', import.meta.url));
  const directory = mkdtempSync(join(tmpdir(), 'dstream-burst-'));
  try {
    const numbers = [totalBytes, recordBytes, maxQueueBytes].map(String);
    const parameters = [`--max-old-space-size=${heapMb}`, child, directory, level, ...numbers];
    const { stdout } = await promisify(execFile)(process.execPath, parameters);
    return JSON.parse(stdout) as BurstResult;
  } finally {
    rmSync(directory, { recursive: true, force: true });
    rmSync(child, { force: true });
  }
}
