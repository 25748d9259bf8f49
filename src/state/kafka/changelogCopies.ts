import { Observable } from 'rxjs';
import type { CheckpointCopies, CopyLook } from '../checkpoint.js';
import type { Changelog } from './changelog.js';
import { followChangelog } from './changelogFollower.js';
import type { LocalCopies } from './localCopy.js';

/** The copies of a changelog on this machine, for processes that do not own it. `open` opens it to be read. */
export function changelogCopies(place: string, copies: LocalCopies, open: () => Changelog<unknown>): CheckpointCopies {
  return {
    place,
    exists: () => copies.exists(),
    follow: (signal) =>
      new Observable((subscriber) => {
        const looked = (look: CopyLook | undefined) => subscriber.next(look);
        followChangelog({ open, copies, signal, looked }).then(
          () => subscriber.complete(),
          (error: unknown) => subscriber.error(error),
        );
      }),
  };
}
