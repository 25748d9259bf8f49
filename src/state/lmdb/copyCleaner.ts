import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isUsable, noteIn } from './copyNote.js';
import { ifUnused, isUseFile } from './copyUse.js';

// Deletes copies that nobody wants any more. In the directory of a job there are those of its tasks, and may be those of other jobs, of which nothing is
// known but what is in their files. So
//   of a topic that this process works with   what nobody has used for the delay goes
//   of any other topic                        what nobody could use any more: what is too old, or was never whole
// and in both cases only where all that is there was put there by copies.

/** As a changelog's directory is named: its topic and its partition. */
const named = /^([\w.-]{1,249})-(\d+)$/;
const copyName = /^copy-[\da-f-]{36}$/;
const fileName = /^(data\.mdb|lock\.mdb|mark\.json(-[\da-f-]{36})?|room-\d+-\d+)$/;
/** A copy of another topic may have been begun just now, ms. */
const minForeignMs = 600_000;
/** The pauses between two cleanings are at least, and at most, so long, in ms. */
const [minPauseMs, maxPauseMs] = [100, 600_000];

/** What is kept of the changelogs in one directory while this process uses some of them. */
interface Cleaning {
  uses: number;
  timer: NodeJS.Timeout;
  /** By topic, how long what is not used stays, in ms, and since when the topic is known here. */
  readonly topics: Map<string, { readonly delay: number; readonly since: number }>;
  isBusy: boolean;
}

const cleanings = new Map<string, Cleaning>();

/** Deletes unwanted copies beside this one, as long as the process uses it. Returns what ends that. */
export function cleanBeside(location: string, delay: number): () => void {
  const root = dirname(location);
  const topic = named.exec(basename(location))?.[1];
  if (topic === undefined || !Number.isFinite(delay)) return () => {};
  let cleaning = cleanings.get(root);
  const pause = Math.min(Math.max(delay, minPauseMs), maxPauseMs);
  if (!cleaning) {
    const timer = setInterval(() => void clean(root), pause).unref();
    cleaning = { uses: 0, timer, topics: new Map(), isBusy: false };
    cleanings.set(root, cleaning);
  }
  const { topics } = cleaning;
  const known = topics.get(topic);
  topics.set(topic, { delay: Math.max(delay, known?.delay ?? 0), since: known?.since ?? performance.now() });
  cleaning.uses++;
  let isEnded = false;
  return () => {
    if (isEnded) return;
    isEnded = true;
    if (--cleaning.uses > 0) return;
    clearInterval(cleaning.timer);
    cleanings.delete(root);
  };
}

/** Never fails: what cannot be deleted now is left to the next time. */
async function clean(root: string): Promise<void> {
  const cleaning = cleanings.get(root);
  if (!cleaning || cleaning.isBusy) return;
  cleaning.isBusy = true;
  try {
    for (const entry of await readdir(root, { withFileTypes: true })) {
      const topic = named.exec(entry.name)?.[1];
      if (topic === undefined || !entry.isDirectory()) continue;
      const known = cleaning.topics.get(topic);
      // One at a time: there is no hurry.
      await cleanOne(join(root, entry.name), known).catch(() => {});
    }
  } catch {
    // See above.
  } finally {
    cleaning.isBusy = false;
  }
}

async function cleanOne(location: string, known: { delay: number; since: number } | undefined): Promise<void> {
  if (known && performance.now() - known.since < known.delay) return;
  const isDue = async () => {
    const found = await look(location);
    if (!found) return false;
    const unusedFor = Date.now() - found.usedAt;
    // An empty directory of any other name may be somebody's.
    return known ? unusedFor >= known.delay : found.copies > 0 && !found.isUsable && unusedFor >= minForeignMs;
  };
  if (!(await isDue())) return;
  const isDeleted = await ifUnused(location, async () => {
    for (const name of await readdir(location)) {
      if (copyName.test(name)) await rm(join(location, name), { recursive: true, force: true });
    }
  });
  // It fails where somebody has begun to use it.
  if (isDeleted) await rmdir(location);
}

interface Found {
  readonly copies: number;
  /** When they were used last, ms. */
  readonly usedAt: number;
  /** Whether somebody could use one. */
  readonly isUsable: boolean;
}

/** What is there; `undefined` where something is that no copy has put there. */
async function look(location: string): Promise<Found | undefined> {
  // Each use adds and removes a file.
  let usedAt = (await stat(location)).mtimeMs;
  let [copies, anyUsable] = [0, false];
  for (const name of await readdir(location)) {
    if (isUseFile(name)) continue;
    if (!copyName.test(name)) return undefined;
    copies++;
    const directory = join(location, name);
    const files = await readdir(directory);
    if (!files.every((file) => fileName.test(file))) return undefined;
    if (files.includes('data.mdb')) usedAt = Math.max(usedAt, (await stat(join(directory, 'data.mdb'))).mtimeMs);
    anyUsable ||= isUsable(await noteIn(directory), Date.now());
  }
  return { copies, usedAt, isUsable: anyUsable };
}
