/** How many cases a property is tried on, and from which seed: printed, so that a failure can be seen again. */
export function propertySettings(cases = 2_000): { readonly numRuns: number; readonly seed: number } {
  const numRuns = Number(process.env.PROPERTY_CASES ?? cases);
  const seed = Number(process.env.PROPERTY_SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`property: ${numRuns} cases, PROPERTY_SEED=${seed}`);
  return { numRuns, seed };
}
