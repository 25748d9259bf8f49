import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';

/** Who owns a store. */
export interface LockOwner {
  /** New at every opening, so an owner can tell whether it still is the owner. */
  readonly token: string;
  readonly host: string;
  readonly pid: number;
  /** When the process started, where the system reports it: process ids are reused. */
  readonly started: string | null;
  /** Where its process id counts: the machine since its last start, and the container. Absent in locks of older versions. */
  readonly system?: string;
  /** Of its thread in the process. */
  readonly thread?: number;
  /** How long it may give no sign of life before others may take over, in ms. */
  readonly leaseTime?: number;
  /** Counts its signs of life; always of the same length, so that it is written in place. */
  readonly beat?: string;
}

const beatDigits = 12;

/** This thread, as the owner of something. */
export function newOwner(leaseTime: number): LockOwner {
  const { pid } = process;
  const started = processAt(pid)?.started ?? null;
  const place = { host: hostname(), pid, started, system: systemOf(), thread: threadId };
  return { token: randomUUID(), ...place, leaseTime, beat: beatOf(0) };
}

export function beatOf(count: number): string {
  return String(count).padStart(beatDigits, '0');
}

/** Whether it is certain that the owner has ended. */
export function hasEnded(owner: LockOwner): boolean {
  const { pid, started, thread = threadId } = owner;
  // An older version shows no signs of life: it took over from other machines at once, and so does this one from it.
  if (!isNear(owner)) return owner.beat === undefined;
  if (!(Number.isInteger(pid) && pid > 0)) return true;
  const running = processAt(pid);
  // What this thread owns is listed by its lock: this is the lock of an earlier process with the same id, or was left behind.
  if (pid === process.pid) return thread === threadId || (started !== null && started !== running?.started);
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return true;
  }
  return started !== null && running !== undefined && running.started !== started;
}

/** Whether the owner is known to run, and not to be suspended. */
export function isRunning(owner: LockOwner): boolean {
  return isNear(owner) && !hasEnded(owner) && processAt(owner.pid)?.state !== 'T';
}

export function nameOf({ pid, host, thread }: LockOwner): string {
  if (host !== hostname()) return `process ${pid} of ${host}`;
  return pid === process.pid && thread !== threadId ? `another thread of process ${pid}` : `process ${pid}`;
}

/** Whether its process id counts here, so that it can be said whether it runs. */
export function isNear({ host, system }: LockOwner): boolean {
  return system === undefined ? host === hostname() : system === systemOf();
}

let system: string | undefined;

function systemOf(): string {
  system ??= [hostname(), textOf('/proc/sys/kernel/random/boot_id')?.trim(), pidNamespace()].join('/');
  return system;
}

function pidNamespace(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return undefined;
  }
}

/** Linux reports what a process is doing, and in which tick after boot it started. */
function processAt(pid: number): { readonly state: string; readonly started: string } | undefined {
  const stat = textOf(`/proc/${pid}/stat`);
  const [state, ...fields] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  const started = fields[18];
  return state === undefined || started === undefined ? undefined : { state, started };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
