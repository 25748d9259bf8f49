import { afterEach, describe, expect, it, vi } from 'vitest';
import { LoopSlices } from '../../src/storage/loopSlices.js';

/** How many steps of a millisecond each turn of the event loop has, while workers that all begin at once take `steps` each. */
async function stepsByTurn(workers: number, steps: number, slicesOf: () => LoopSlices): Promise<readonly number[]> {
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  const turns: number[] = [0];
  let open = workers;
  const count = (): void => {
    turns.push(0);
    if (open > 0) setImmediate(count);
  };
  setImmediate(count);
  const work = async (): Promise<void> => {
    const slices = slicesOf();
    for (let step = 0; step < steps; step++) {
      if (slices.isOver(0)) await slices.next();
      now++;
      turns[turns.length - 1] = (turns.at(-1) ?? 0) + 1;
      // As what is read is awaited.
      await Promise.resolve();
    }
    open--;
  };
  await Promise.all(Array.from({ length: workers }, work));
  return turns;
}

describe('slices of the event loop', () => {
  afterEach(() => vi.restoreAllMocks());

  it.each([1, 4, 40])('keep a turn for one slice where %d share them', async (workers) => {
    let shared: LoopSlices | undefined;
    const turns = await stepsByTurn(workers, 50, () => {
      shared ??= new LoopSlices();
      return shared;
    });
    expect(turns.reduce((sum, steps) => sum + steps, 0)).toBe(workers * 50);
    expect(Math.max(...turns)).toBeLessThanOrEqual(16);
  });

  it('are one for each that has its own, in the same turn', async () => {
    expect(Math.max(...(await stepsByTurn(10, 50, () => new LoopSlices())))).toBeGreaterThanOrEqual(80);
  });
});
