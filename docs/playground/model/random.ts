/** A number in (0, 1) that depends on its arguments only. */
export function uniform(seed: number, index: number, draw: number): number {
  let x = (Math.imul(seed, 0x9e37_79b1) ^ Math.imul(index + 1, 0x85eb_ca6b) ^ Math.imul(draw + 1, 0xc2b2_ae35)) >>> 0;
  // Two rounds of a 32-bit mixer: neighbours must not resemble each other.
  for (let round = 0; round < 2; round++) {
    x = Math.imul(x ^ (x >>> 16), 0x7feb_352d);
    x = Math.imul(x ^ (x >>> 15), 0x846c_a68b);
    x = (x ^ (x >>> 16)) >>> 0;
  }
  return (x + 0.5) / 2 ** 32;
}

/** A standard normal number, by Box and Muller. */
export function normal(seed: number, index: number, draw: number): number {
  const radius = Math.sqrt(-2 * Math.log(uniform(seed, index, 2 * draw)));
  return radius * Math.cos(2 * Math.PI * uniform(seed, index, 2 * draw + 1));
}
