import type { Resolved } from './resolved.js';
/** The options over their defaults. One that is given as `undefined` counts as left out. */
export function withDefaults<O extends object, D extends Partial<O>>(
  defaults: D,
  options: O,
): O & Resolved<Pick<O, keyof D & keyof O>> {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as O;
  return { ...defaults, ...given } as O & Resolved<Pick<O, keyof D & keyof O>>;
}
