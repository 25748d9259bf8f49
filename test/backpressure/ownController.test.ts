import { foreachBatch, InvalidOptionError, logBatches, memoryLog, string } from 'dstream';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';

describe("a user's own controller", () => {
  it.each([Number.NaN, -1])('fails the stream when it gives the rate %s', async (rate) => {
    const log = memoryLog({ topics: { t: 1 } });
    log.append('t', [{ value: 'a' }, { value: 'b' }]);
    const stream = logBatches(log, {
      topics: ['t'],
      start: 'earliest',
      interval: 5,
      deserialize: string(),
      backpressure: () => ({ completed: () => {}, rate: () => rate }),
    });
    const stopsAtFirst = foreachBatch<string | null>(() => void stream.stop());
    const failed = await lastValueFrom(stream.pipe(stopsAtFirst)).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(InvalidOptionError);
    expect((failed as Error).message).toContain('must return rates of at least 0, or undefined');
  });
});
