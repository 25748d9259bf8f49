import type { Checkpoint } from 'dstream';
import { fileCheckpoint, lmdbCheckpoint, postgresCheckpoint } from 'dstream/node';
import { pointedPool } from './pointedPool.js';
import { jobOf } from './scratch.js';

/** A store whose crashes are tried. */
export interface CrashedStore {
  /** Small settings, so that everything that happens seldom happens often. Called again for each session of a life. */
  open(directory: string): Checkpoint;
  /** Its own failure points, beside those of every store. */
  readonly points: readonly string[];
}

/** What is stopped is taken over after this time, in ms; what is killed, at once. */
const leaseTime = 1_500;
export const integrityKey = 'known to every life of the job';

const filePoints: readonly string[] = [
  'lock:taken',
  'recovery:listed',
  'recovery:snapshot-read',
  'recovery:read',
  'recovery:done',
  'changelog:before-write',
  'changelog:torn',
  'changelog:before-sync',
  'changelog:after-sync',
  'changelog:before-rotate',
  'changelog:after-rotate',
  'snapshot:begun',
  'snapshot:slice',
  'snapshot:before-sync',
  'snapshot:before-rename',
  'snapshot:after-rename',
  'snapshot:durable',
  'changelog:deleted',
  'snapshot:deleted',
  'close:done',
];

/** By the name that `npm run crash -- --checkpoint NAME` takes. */
export const stores: Readonly<Record<string, CrashedStore>> = {
  file: {
    open: (directory) => fileCheckpoint(directory, { snapshotBytes: 700, leaseTime }),
    points: filePoints,
  },
  keyed: {
    open: (directory) => fileCheckpoint(directory, { snapshotBytes: 700, leaseTime, integrityKey }),
    points: filePoints,
  },
  lmdb: { open: (directory) => lmdbCheckpoint(directory, { leaseTime }), points: [] },
  tiered: { open: (directory) => lmdbCheckpoint(directory, { cacheKeys: 4, leaseTime }), points: [] },
  postgres: {
    open: (directory) => postgresCheckpoint(pointedPool(), { job: jobOf(directory), leaseTime }),
    points: [
      'epoch:before',
      'epoch:begun',
      'restore:read',
      'transaction:before',
      'transaction:begun',
      'transaction:before-progress',
      'transaction:after-progress',
      'transaction:in-state',
      'transaction:before-commit',
      'transaction:commit-sent',
      'transaction:after-commit',
    ],
  },
};

/** Where the records come from, and where the results go. */
export interface CrashedEnds {
  readonly source: 'files' | 'kafka' | 'receiver';
  readonly output: 'files' | 'table' | 'kafka';
  /** Which operators compute: those by batch time with one by event time, or those by event time alone. Default `'all'`. */
  readonly operators?: 'all' | 'event time';
}

/** Failure points of every run: in the source, the operators, and around what the driver asks of a store. */
const commonPoints: readonly string[] = [
  'open:before',
  'open:after',
  'plan:before',
  'plan:after',
  'fetch:before',
  'fetch:after',
  'dispatch',
  'operators',
  'save:before',
  'save:after',
];

const sourcePoints: Readonly<Record<CrashedEnds['source'], readonly string[]>> = {
  files: ['commit:torn', 'commit:after'],
  kafka: ['commit:before', 'commit:after'],
  receiver: [
    'segment:listed',
    'segment:read',
    'segment:opened',
    'segment:before-write',
    'segment:torn',
    'segment:before-sync',
    'segment:after-sync',
    'segment:before-rotate',
    'segment:after-rotate',
    'segment:deleted',
    'commit:before',
    'commit:after',
  ],
};

const outputPoints: Readonly<Record<CrashedEnds['output'], readonly string[]>> = {
  files: ['output:before', 'output:torn', 'output:before-link', 'output:after-link', 'output:after'],
  table: ['insert:before', 'insert:sent', 'insert:after'],
  kafka: [
    'send:before',
    'send:begun',
    'send:offsets',
    'send:written',
    'send:commit-asked',
    'send:after-commit',
    'send:after',
  ],
};

/** Every point at which a run of this kind can be killed: what is of this kind alone first, so that a short run tries it. */
export function pointsOf(store: string, { source, output }: CrashedEnds): readonly string[] {
  // Where the transactions of the output commit the offsets, nothing else does.
  const atSource = output === 'kafka' ? [] : sourcePoints[source];
  return [...outputPoints[output], ...(stores[store]?.points ?? []), ...atSource, ...commonPoints];
}
