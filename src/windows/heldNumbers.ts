// An inverse may fail to subtract numbers exactly. A partial is a number, or contains numbers in a pair, an array or a plain
// object, such as the sum and count of a mean. Numbers that lie deeper are not looked for.

/** Whether rounding errors are possible. */
export function holdsNumber(partial: unknown): boolean {
  return typeof partial === 'number' || valuesOf(partial).some((value) => typeof value === 'number');
}

/** Whether it contains a number that no inverse can subtract. */
export function holdsNonFinite(partial: unknown): boolean {
  return isNonFinite(partial) || (typeof partial === 'object' && valuesOf(partial).some(isNonFinite));
}

export function isNonFinite(value: unknown): boolean {
  return typeof value === 'number' && !Number.isFinite(value);
}

function valuesOf(partial: unknown): readonly unknown[] {
  if (Array.isArray(partial)) return partial;
  return typeof partial === 'object' && partial !== null ? Object.values(partial) : [];
}
