import { emitWarning } from 'node:process';
import type { LocalCopies } from './localCopy.js';

/** What happens to a copy is a process warning and no error: the job goes on without. `location` is that of the changelog. */
export function warnOfCopy(location: string, copies: LocalCopies, what: string): void {
  const message = `the copy of ${location} in ${copies.location} ${what}`;
  emitWarning(message, { type: 'DStreamWarning', code: 'DSTREAM_CHANGELOG_COPY' });
}
