/** The package, which is optional: a bundler leaves an import out that may fail and whose failure is handled. */
export function loadLmdb(): Promise<typeof import('lmdb')> {
  return import('lmdb').catch((error: unknown) => Promise.reject(error));
}
