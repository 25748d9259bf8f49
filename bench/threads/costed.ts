/**
 * A map that takes this number of turns of a loop for each record. `Math.imul`: a product of numbers is compiled as one of integers or of
 * floats, four times slower, by what ran before.
 */
export function costed(turns: number): (value: string) => number {
  return (value) => {
    let sum = value.length;
    for (let i = 0; i < turns; i++) sum = (Math.imul(sum, 31) + i) | 0;
    return sum;
  };
}

/** Turns of the loop in a microsecond of this machine. */
export function turnsPerMicrosecond(): number {
  const map = costed(1_000_000);
  let best = Infinity;
  // Long enough to be compiled on a machine that is busy.
  for (const end = performance.now() + 2_000; performance.now() < end; ) {
    const from = performance.now();
    map('x');
    best = Math.min(best, performance.now() - from);
  }
  return 1_000_000 / (best * 1_000);
}
