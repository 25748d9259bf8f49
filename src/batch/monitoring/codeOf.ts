import { DStreamError } from '../errors.js';

/** The code of a `DStreamError`, else the class of the error, as monitors may show it: neither says anything of a record. */
export function codeOf(error: unknown): string {
  return error instanceof DStreamError ? error.code : classOf(error);
}

/** The class and not `name`, which any code may have set to anything. */
function classOf(error: unknown): string {
  const name: unknown = error instanceof Error ? error.constructor?.name : undefined;
  return typeof name === 'string' && /^[\w$]{1,64}$/.test(name) ? name : 'other';
}
