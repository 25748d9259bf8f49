import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/**
 * A directory for runs, in memory where there is such a place: what a process has written is there when it is killed, in
 * memory as on a disk, and memory does not wait for a sync.
 */
export function scratch(): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'dstream-crash-'));
}

/** What names a run in a store that it shares with others. */
export function jobOf(path: string): string {
  const run = basename(path) === 'checkpoint' ? dirname(path) : path;
  return `${basename(dirname(run))}-${basename(run)}`;
}

/** The topic with the log of all runs in this directory. */
export function topicOf(base: string): string {
  return `${basename(base)}-log`;
}
