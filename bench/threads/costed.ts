/** A map that takes this number of turns of a loop for each record. */
export function costed(turns: number): (value: string) => number {
  return (value) => {
    let sum = value.length;
    for (let i = 0; i < turns; i++) sum = (sum * 31 + i) | 0;
    return sum;
  };
}

/** Turns of the loop in a microsecond of this machine. */
export function turnsPerMicrosecond(): number {
  const map = costed(1_000_000);
  let best = Infinity;
  for (let i = 0; i < 50; i++) {
    const from = performance.now();
    map('x');
    best = Math.min(best, performance.now() - from);
  }
  return 1_000_000 / (best * 1_000);
}
