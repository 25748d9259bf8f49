/** Work of the processor that no compiler can leave out. Returns something, so that the caller can use it. */
export function burn(rounds: number): number {
  const last = Math.round(rounds) | 0;
  let state = last | 1;
  for (let i = 0; i < last; i++) state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
  return state;
}

/** Keeps the processor busy until a time of `performance.now()`. */
export function burnUntil(time: number): number {
  let state = 1;
  while (performance.now() < time) state ^= burn(200);
  return state;
}
