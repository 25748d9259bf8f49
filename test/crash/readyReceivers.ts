import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildChild } from './buildChild.js';
import { exitCodes } from './exitCodes.js';
import { fileSender } from './fileSender.js';
import { judgeNumbers } from './judgeNumbers.js';
import { httpSender, type NumberedSender, tcpSender } from './numberedSender.js';
import { readFiles } from './outputFiles.js';
import { randomOf } from './records.js';
import { scratch } from './scratch.js';
import { sseSender, webSocketSender } from './streamSenders.js';

/** What begins to send, given a directory of its own. */
const senders: Readonly<Record<string, (directory: string) => Promise<NumberedSender>>> = {
  tcp: tcpSender,
  http: () => httpSender(),
  sse: sseSender,
  websocket: webSocketSender,
  file: fileSender,
  // A child of the receiver sends: what it has written is lost with it, but no line may be missing before another.
  process: async () => ({ place: '', exactlyOnce: true, acknowledged: new Set(), delays: [], stop: async () => {} }),
};
/** The ready receivers that are killed. */
export const readyKinds: readonly string[] = Object.keys(senders);

export interface ReadyCrashes {
  /** Some of `readyKinds`: each process runs all of them. */
  readonly kinds: readonly string[];
  readonly kills: number;
  /** After which no more lives are begun. Default: no limit. */
  readonly seconds?: number;
  readonly seed: number;
  readonly onKill?: (kills: number) => void;
}

export interface ReadyKindResult {
  readonly acknowledged: number;
  /** Numbers that were acknowledged and are in no output. */
  readonly lost: readonly string[];
  /** Numbers that came twice, from a sender that goes on where it is asked to. */
  readonly doubled: number;
  /** Times from sending to the acknowledgement, kills included, ms. */
  readonly delays: readonly number[];
}

export interface ReadyCrashResult {
  /** Processes that were killed. */
  readonly kills: number;
  readonly kinds: Readonly<Record<string, ReadyKindResult>>;
  readonly faults: readonly string[];
}

/** How long a life lasts after its first output, at most, ms. */
const longestLifeMs = 120;
/** How long a life takes until its first output, ms, before one was measured. */
const firstOutputMs = 100;

/** Kills a process with ready receivers again and again, while senders send what is not acknowledged until it is. */
export async function crashReadyReceivers({
  kinds,
  kills: most,
  seconds = Infinity,
  seed,
  onKill,
}: ReadyCrashes): Promise<ReadyCrashResult> {
  const random = randomOf(seed);
  const directory = scratch();
  const file = await buildChild(new URL('readyChild.ts', import.meta.url));
  const sending = new Map<string, NumberedSender>();
  const faults: string[] = [];
  let kills = 0;
  let next: Life | undefined;
  try {
    for (const kind of kinds) sending.set(kind, await senderOf(kind, directory));
    const places = [...sending].map(([kind, { place }]) => `${kind}=${place}`);
    const warm = () => new Life([file, directory, ...places]);
    const begun = performance.now();
    let typicalMs = firstOutputMs;
    next = warm();
    while (kills < most && performance.now() - begun < 1_000 * seconds) {
      const life = next;
      const start = performance.now();
      life.begin();
      // It loads while this one runs.
      next = warm();
      if (random() < 0.5) {
        // While it opens, recovers and connects, and a little later.
        await Promise.race([sleep(1.5 * typicalMs * random()), life.ended]);
      } else {
        await life.output(kinds[Math.floor(random() * kinds.length)] as string);
        typicalMs = 0.9 * typicalMs + 0.1 * (performance.now() - start);
        await Promise.race([sleep(longestLifeMs * random() ** 2), life.ended]);
      }
      life.kill('SIGKILL');
      const { signal, said } = await life.ended;
      if (signal !== 'SIGKILL') faults.push(`it ended by itself: ${said}`);
      if (faults.length > 3) break;
      kills++;
      onKill?.(kills);
    }
    const last = next;
    next = undefined;
    last.begin();
    for (const kind of kinds) await last.output(kind);
    last.kill('SIGTERM');
    for (const sender of sending.values()) await sender.stop();
    const { code, said } = await last.ended;
    if (code !== exitCodes.done) faults.push(`the last life ended with ${code}: ${said}`);
    const results = [...sending].map(([kind, sender]): [string, ReadyKindResult] => {
      const lines = readFiles(join(directory, kind)).flatMap(([, written]) => written);
      return [kind, { acknowledged: sender.acknowledged.size, ...judgeNumbers(lines, sender), delays: sender.delays }];
    });
    return { kills, kinds: Object.fromEntries(results), faults };
  } finally {
    next?.kill('SIGKILL');
    await next?.ended;
    rmSync(directory, { recursive: true, force: true });
    rmSync(file, { force: true });
  }
}

function senderOf(kind: string, directory: string): Promise<NumberedSender> {
  const connect = senders[kind];
  if (!connect) throw new Error(`no receiver is called ${kind}`);
  const place = join(directory, kind, 'sent');
  mkdirSync(place, { recursive: true });
  return connect(place);
}

/** A process that has loaded everything, and begins when it is told to. */
class Life {
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null; readonly said: string }>;
  readonly #process: ChildProcess;
  #said = '';
  #outputs = '';
  #wakers: (() => void)[] = [];

  constructor(args: readonly string[]) {
    const life = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process = life;
    life.stdin.on('error', () => {});
    life.stderr.on('data', (bytes) => {
      this.#said = `${this.#said}${bytes}`.slice(0, 2_000);
    });
    life.stdout.on('data', (bytes) => {
      this.#outputs += bytes;
      this.#wake();
    });
    this.ended = new Promise((resolve, reject) => {
      life.on('error', reject);
      life.on('close', (code, signal) => resolve({ code, signal, said: this.#said }));
    });
    void this.ended.then(() => this.#wake());
  }

  begin(): void {
    this.#process.stdin?.write('\n');
  }

  /** Resolves when the first records of this receiver are in the output, or the life has ended. */
  async output(kind: string): Promise<void> {
    while (!this.#outputs.split('\n').includes(kind) && this.#process.exitCode === null && !this.#process.signalCode) {
      await new Promise<void>((resolve) => this.#wakers.push(resolve));
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  #wake(): void {
    for (const wake of this.#wakers.splice(0)) wake();
  }
}
