import type { Checkpoint } from 'dstream';
import { fileCheckpoint, lmdbCheckpoint } from 'dstream/node';

/** A store whose crashes are tried. */
export interface CrashedStore {
  /** Small settings, so that everything that happens seldom happens often. Called again for each session of a life. */
  open(directory: string): Checkpoint;
  /** Its own failure points, beside those of every store. */
  readonly points: readonly string[];
}

/** By the name that `npm run crash -- --checkpoint NAME` takes. */
export const stores: Readonly<Record<string, CrashedStore>> = {
  file: {
    open: (directory) => fileCheckpoint(directory, { snapshotBytes: 700 }),
    points: [
      'lock:taken',
      'recovery:listed',
      'recovery:snapshot-read',
      'recovery:read',
      'recovery:done',
      'changelog:before-write',
      'changelog:torn',
      'changelog:before-sync',
      'changelog:after-sync',
      'snapshot:before-changelog',
      'snapshot:after-changelog',
      'snapshot:begun',
      'snapshot:slice',
      'snapshot:before-sync',
      'snapshot:before-rename',
      'snapshot:after-rename',
      'snapshot:durable',
      'snapshot:deleting',
      'snapshot:deleted',
      'close:done',
    ],
  },
  lmdb: { open: (directory) => lmdbCheckpoint(directory), points: [] },
  tiered: { open: (directory) => lmdbCheckpoint(directory, { hotKeys: 4 }), points: [] },
};

/** Failure points of every store: in the source, the operators, the outputs, and around what the driver asks of a store. */
export const commonPoints: readonly string[] = [
  'open:before',
  'open:after',
  'plan:before',
  'plan:after',
  'fetch:before',
  'fetch:after',
  'dispatch',
  'operators',
  'output:before',
  'output:torn',
  'output:before-link',
  'output:after-link',
  'output:after',
  'save:before',
  'save:after',
  'commit:torn',
  'commit:after',
];
