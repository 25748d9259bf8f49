import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { intervalAdvice, type MemorySettings, memoryParts } from '../../docs/.vitepress/theme/tuning.js';
import { root } from '../support/operators.js';

const mib = 1024 * 1024;
const settings: MemorySettings = {
  partitions: 10,
  brokers: 2,
  rate: 1_000,
  recordBytes: 100,
  recordBatchBytes: 60_000,
  compressionRatio: 3,
  intervalMs: 500,
  concurrentBatches: 2,
  maxBytesPerBatch: 128 * mib,
  maxBufferedBytes: 64 * mib,
  objectFactor: 4,
  windowMs: 10_000,
  keys: 1_000,
  stateBytes: 50,
};
const bytesOf = (changed: Partial<MemorySettings> = {}) =>
  memoryParts({ ...settings, ...changed }).map(({ bytes }) => bytes);

describe('the calculators of the page on tuning', () => {
  it('bound each part of the memory', () => {
    expect(bytesOf()).toEqual([64 * mib + 40_000, 600_000, 2 * 50_000 * 4, 1_000_000 * 4, 50_000]);
  });

  it('cap a batch at maxBytesPerBatch', () => {
    expect(bytesOf({ rate: 10_000_000, concurrentBatches: 1, objectFactor: 1 })[2]).toBe(128 * mib);
  });

  it('start with the defaults of the library', () => {
    const options = readFileSync(join(root, 'src/sources/log/logSourceOptions.ts'), 'utf8');
    const page = readFileSync(join(root, 'docs/.vitepress/theme/TuningCalculator.vue'), 'utf8');
    for (const [option, field] of [
      ['maxBytesPerBatch', 'maxBytesPerBatchMib'],
      ['maxBufferedBytes', 'maxBufferedMib'],
    ]) {
      const [, bytes] = new RegExp(`@default (\\d+)[^@]*readonly ${option}\\?`).exec(options) ?? [];
      expect(page).toContain(`${field}: ${Number(bytes) / mib},`);
    }
  });

  it('find the shortest interval, whose batch takes the target of it', () => {
    const cost = { rate: 10_000, fixedMs: 50, perRecordMs: 0.05 };
    const { shortestIntervalMs } = intervalAdvice({ ...cost, intervalMs: 1_000 });
    expect(shortestIntervalMs).toBeCloseTo(50 / 0.48);
    const at = intervalAdvice({ ...cost, intervalMs: shortestIntervalMs });
    expect(at.processingMs).toBeCloseTo(0.98 * shortestIntervalMs);
    expect(at.highestRate).toBeCloseTo(10_000);
  });

  it('say that no interval is long enough, and that batches wait', () => {
    const advice = intervalAdvice({ rate: 20_000, intervalMs: 1_000, fixedMs: 10, perRecordMs: 0.05 });
    expect(advice).toMatchObject({ shortestIntervalMs: Infinity, meanLatencyMs: Infinity });
    expect(intervalAdvice({ rate: 1, intervalMs: 10, fixedMs: 20, perRecordMs: 1 }).highestRate).toBe(0);
  });
});
