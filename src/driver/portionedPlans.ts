import type { Plan } from '../sources/source.js';

/** The same plans, limited to that number of records: the first ones, in the order of the ranges. */
export function portionedPlans(plans: ReadonlyMap<string, Plan>, portion: number): Map<string, Plan> {
  let left = portion;
  const portioned = new Map<string, Plan>();
  for (const [name, plan] of plans) {
    const { limits } = plan;
    const maxRecords = plan.ranges.map(({ from, until }, i) => {
      const records = Math.min(left, until - from, limits?.maxRecords[i] ?? Infinity);
      left -= records;
      return records;
    });
    // Finite, so that it can be saved as JSON.
    portioned.set(name, { ...plan, limits: { maxBytes: limits?.maxBytes ?? Number.MAX_SAFE_INTEGER, maxRecords } });
  }
  return portioned;
}
