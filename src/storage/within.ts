import { firstOf } from './firstOf.js';

/**
 * Whether `work` has settled within `ms`. It is not waited for longer, and what it fails with is ignored. Without `ref` the wait does not keep the
 * process alive.
 */
export async function within(
  ms: number,
  work: Promise<unknown>,
  options?: { readonly ref?: boolean },
): Promise<boolean> {
  const settled = work.then(
    () => true,
    () => true,
  );
  return (await firstOf([settled], ms, options)) ?? false;
}
