import { emitWarning } from 'node:process';
import { isOfTopic } from './copyFlaw.js';
import type { LocalCopies } from './localCopy.js';

/** What was said once for all partitions of a topic. */
const said = new Set<string>();

/**
 * What happens to a copy is a process warning and no error: the job goes on without. `location` is that of the changelog. A reason that all its
 * partitions have is said once.
 */
export function warnOfCopy(location: string, copies: LocalCopies, what: string, reason: string): void {
  const message = `the copy of ${location} in ${copies.location} ${what}: ${reason}`;
  if (isOfTopic(reason)) {
    const topic = location.replace(/\/\d+$/, '');
    if (said.has(`${topic} ${reason}`)) return;
    said.add(`${topic} ${reason}`);
  }
  emitWarning(message, { type: 'DStreamWarning', code: 'DSTREAM_CHANGELOG_COPY' });
}
