// Numbers are what an inverse may fail to take out again. A partial is one, or holds some in a pair, an array or a plain
// object, as where a mean is kept as sum and count. Those that lie deeper are not looked for.

/** Whether rounding may leave something behind. */
export function holdsNumber(partial: unknown): boolean {
  return typeof partial === 'number' || valuesOf(partial).some((value) => typeof value === 'number');
}

/** Whether there is one that no inverse can take out again. */
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
