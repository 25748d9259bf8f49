import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodes } from './exitCodes.js';
import { fileSender } from './fileSender.js';
import { judgeNumbers } from './judgeNumbers.js';
import { kafkaSender } from './kafkaSender.js';
import { httpSender, type NumberedSender, tcpSender } from './numberedSender.js';
import { readFiles } from './outputFiles.js';
import { randomOf } from './records.js';
import { scratch } from './scratch.js';
import { sseSender, webSocketSender } from './streamSenders.js';
import { buildWarmChild, type WarmChild } from './warmChild.js';

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
/** The ready receivers that need nothing but this machine. */
export const readyKinds: readonly string[] = Object.keys(senders);
/** The one that is a member of a consumer group of a real Kafka: it cannot join before the group has missed the last one that was killed. */
export const kafkaKind = 'kafkaReceiver';

export interface ReadyCrashes {
  /** Some of `readyKinds`, or `kafkaKind`: each process runs all of them. */
  readonly kinds: readonly string[];
  /** How many of each kind a process runs. Default: 1. */
  readonly each?: number | undefined;
  /** Of a real Kafka, for `kafkaKind`. */
  readonly brokers?: string | undefined;
  readonly kills: number;
  /** After which no more lives are begun. Default: no limit. */
  readonly seconds?: number;
  readonly seed: number;
  /** Begins no more lives once it is aborted. */
  readonly signal?: AbortSignal | undefined;
  readonly onKill?: (kills: number) => void;
}

export interface ReadyKindResult {
  readonly acknowledged: number;
  /** Different records that the outputs have. */
  readonly received: number;
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

/** How long a life lasts after its first output, at most, ms, or as long as that took: on a busy machine an acknowledgement takes as long. */
const longestLifeMs = 120;
/** How long a life takes until its first output, ms, before one was measured. */
const firstOutputMs = 100;

/** Kills a process with ready receivers again and again, while senders send what is not acknowledged until it is. */
export async function crashReadyReceivers({
  kinds,
  kills: most,
  each = 1,
  brokers,
  seconds = Infinity,
  seed,
  signal,
  onKill,
}: ReadyCrashes): Promise<ReadyCrashResult> {
  const random = randomOf(seed);
  const directory = scratch();
  const child = await buildWarmChild(new URL('readyChild.ts', import.meta.url));
  const sending = new Map<string, NumberedSender>();
  const faults: string[] = [];
  let kills = 0;
  let next: Life | undefined;
  try {
    const names = kinds.flatMap((kind) => Array.from({ length: each }, (_, i) => `${kind}-${i}`));
    for (const name of names) sending.set(name, await senderOf(name, directory, brokers));
    const places = [...sending].map(([name, { place }]) => `${name}=${place}`);
    await warmUp(child, [directory, ...places], names);
    const warm = () => new Life(child, [directory, ...places]);
    const begun = performance.now();
    let typicalMs: number | undefined;
    next = warm();
    while (kills < most && performance.now() - begun < 1_000 * seconds && !signal?.aborted) {
      const life = next;
      const start = performance.now();
      life.begin();
      // It loads while this one runs.
      next = warm();
      if (random() < 0.5) {
        // While it opens, recovers and connects, and a little later.
        await Promise.race([sleep(1.5 * (typicalMs ?? firstOutputMs) * random()), life.ended]);
      } else {
        await life.output(names[Math.floor(random() * names.length)] as string);
        const measuredMs = performance.now() - start;
        typicalMs = 0.9 * (typicalMs ?? measuredMs) + 0.1 * measuredMs;
        await Promise.race([sleep(Math.max(longestLifeMs, typicalMs) * random() ** 2), life.ended]);
      }
      life.kill('SIGKILL');
      const { killedBy, said } = await life.ended;
      if (killedBy !== 'SIGKILL') faults.push(`it ended by itself: ${said}`);
      if (faults.length > 3) break;
      kills++;
      onKill?.(kills);
    }
    const last = next;
    next = undefined;
    await last.outputs(names);
    await sleep(Math.max(longestLifeMs, typicalMs ?? 0));
    last.kill('SIGTERM');
    for (const sender of sending.values()) await sender.stop();
    const { code, said } = await last.ended;
    if (code !== exitCodes.done) faults.push(`the last life ended with ${code}: ${said}`);
    const results = new Map<string, ReadyKindResult>();
    for (const [name, sender] of sending) {
      const lines = readFiles(join(directory, name)).flatMap(([, written]) => written);
      const counts = { acknowledged: sender.acknowledged.size, received: new Set(lines).size };
      const judged = { ...counts, ...judgeNumbers(lines, sender), delays: sender.delays };
      results.set(kindOf(name), sumOf(results.get(kindOf(name)) ?? nothing, judged));
    }
    return { kills, kinds: Object.fromEntries(results), faults };
  } finally {
    next?.kill('SIGKILL');
    await next?.ended;
    rmSync(directory, { recursive: true, force: true });
    child.remove();
  }
}

const nothing: ReadyKindResult = { acknowledged: 0, received: 0, lost: [], doubled: 0, delays: [] };

function sumOf(one: ReadyKindResult, other: ReadyKindResult): ReadyKindResult {
  return {
    acknowledged: one.acknowledged + other.acknowledged,
    received: one.received + other.received,
    lost: [...one.lost, ...other.lost],
    doubled: one.doubled + other.doubled,
    delays: [...one.delays, ...other.delays],
  };
}

/** The kind of a receiver called `KIND-NUMBER`. */
function kindOf(name: string): string {
  return name.slice(0, name.lastIndexOf('-'));
}

/** The first life ends by itself, and leaves what was compiled of it to the others. */
async function warmUp(child: WarmChild, args: readonly string[], names: readonly string[]): Promise<void> {
  const first = new Life(child, args);
  await first.outputs(names);
  first.kill('SIGTERM');
  const { code, said } = await first.ended;
  if (code !== exitCodes.done) throw new Error(`the first life ended with ${code}: ${said}`);
}

function senderOf(name: string, directory: string, brokers: string | undefined): Promise<NumberedSender> {
  const kind = kindOf(name);
  if (kind === kafkaKind) {
    if (!brokers) throw new Error(`${kind} needs brokers`);
    return kafkaSender(brokers);
  }
  const connect = senders[kind];
  if (!connect) throw new Error(`no receiver is called ${kind}`);
  const place = join(directory, name, 'sent');
  mkdirSync(place, { recursive: true });
  return connect(place);
}

/** A process that has loaded everything, and begins when it is told to. */
class Life {
  readonly ended: Promise<{ readonly code: number | null; readonly killedBy: string | null; readonly said: string }>;
  readonly #process: ChildProcess;
  #said = '';
  #outputs = '';
  #wakers: (() => void)[] = [];

  constructor({ file, env }: WarmChild, args: readonly string[]) {
    const life = spawn(process.execPath, [file, ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] });
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
      life.on('close', (code, killedBy) => resolve({ code, killedBy, said: this.#said }));
    });
    void this.ended.then(() => this.#wake());
  }

  begin(): void {
    this.#process.stdin?.write('\n');
  }

  /** Resolves when the first records of this receiver are in the output, or the life has ended. */
  async output(name: string): Promise<void> {
    while (!this.#outputs.split('\n').includes(name) && this.#process.exitCode === null && !this.#process.signalCode) {
      await new Promise<void>((resolve) => this.#wakers.push(resolve));
    }
  }

  /** Begins, and resolves when the first records of all these receivers are in the output, or the life has ended. */
  async outputs(names: readonly string[]): Promise<void> {
    this.begin();
    for (const name of names) await this.output(name);
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  #wake(): void {
    for (const wake of this.#wakers.splice(0)) wake();
  }
}
