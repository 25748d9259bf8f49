/** How many cases most properties are tried on in `npm test`; `npm run test:nightly` tries 100,000. */
const usual = 2_000;

/**
 * How many cases a property is tried on, and from which seed: printed, so that a failure can be seen again. Where a case takes
 * long there are fewer. `PROPERTY_CASES` says how many a property has that asks for 2,000; the others in proportion.
 */
export function propertySettings(cases = usual): { readonly numRuns: number; readonly seed: number } {
  const numRuns = Math.ceil((cases * Number(process.env.PROPERTY_CASES ?? usual)) / usual);
  const seed = Number(process.env.PROPERTY_SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`property: ${numRuns} cases, PROPERTY_SEED=${seed}`);
  return { numRuns, seed };
}
