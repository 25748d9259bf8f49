import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildChild } from './buildChild.js';
import { exitCodes } from './exitCodes.js';
import { httpSender, type NumberedSender, tcpSender } from './numberedSender.js';
import { readFiles } from './outputFiles.js';
import { randomOf } from './records.js';
import { scratch } from './scratch.js';
import { sseSender, webSocketSender } from './streamSenders.js';

const senders: Readonly<Record<string, () => Promise<NumberedSender>>> = {
  tcp: tcpSender,
  http: httpSender,
  sse: sseSender,
  websocket: webSocketSender,
};
/** The ready receivers that are killed. */
export const readyKinds: readonly string[] = Object.keys(senders);

export interface ReadyCrashes {
  /** One of `readyKinds`. */
  readonly kind: string;
  readonly kills: number;
  /** After which no more lives are begun. Default: no limit. */
  readonly seconds?: number;
  readonly seed: number;
  readonly onKill?: (kills: number) => void;
}

export interface ReadyCrashResult {
  readonly kills: number;
  readonly acknowledged: number;
  /** Numbers that were acknowledged and are in no output. */
  readonly lost: readonly number[];
  /** Numbers that came twice, from a sender that goes on where it is asked to. */
  readonly doubled: number;
  /** Time from sending to the acknowledgement that 99 of 100 stay under, ms, kills included; NaN without acknowledgements. */
  readonly p99: number;
  readonly faults: readonly string[];
}

/** How long a life lasts after its first acknowledgement, at most, ms. */
const longestLife = 120;

/** Kills a process with a ready receiver again and again, while a sender sends what is not acknowledged until it is. */
export async function crashReadyReceiver({
  kind,
  kills: most,
  seconds = Infinity,
  seed,
  onKill,
}: ReadyCrashes): Promise<ReadyCrashResult> {
  const random = randomOf(seed);
  const directory = scratch();
  const file = await buildChild(new URL('readyChild.ts', import.meta.url));
  const connect = senders[kind];
  if (!connect) throw new Error(`no receiver is called ${kind}`);
  const sender = await connect();
  const faults: string[] = [];
  let kills = 0;
  const begin = () =>
    spawn(process.execPath, [file, directory, kind, String(sender.port)], { stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    const begun = performance.now();
    for (; kills < most && performance.now() - begun < 1_000 * seconds; kills++) {
      const life = begin();
      const ended = endOf(life);
      const before = sender.progress;
      while (sender.progress === before && life.exitCode === null) await sleep(2);
      await sleep(longestLife * random() ** 2);
      life.kill('SIGKILL');
      const { signal, said } = await ended;
      if (signal !== 'SIGKILL') faults.push(`it ended by itself: ${said}`);
      if (faults.length > 3) break;
      onKill?.(kills + 1);
    }
    const last = begin();
    const ended = endOf(last);
    const before = sender.progress;
    while (sender.progress < before + 100 && last.exitCode === null) await sleep(5);
    last.kill('SIGTERM');
    await sender.stop();
    const { code, said } = await ended;
    if (code !== exitCodes.done) faults.push(`the last life ended with ${code}: ${said}`);
    const lines = readFiles(directory).flatMap(([, numbers]) => numbers.map(Number));
    const written = new Set(lines);
    // Whoever asks for what follows has all that came before.
    const complete = sender.exactlyOnce ? Array.from({ length: Math.max(...lines, -1) + 1 }, (_, n) => n) : [];
    const delays = [...sender.delays].sort((a, b) => a - b);
    return {
      kills,
      acknowledged: sender.acknowledged.size,
      lost: [...new Set([...sender.acknowledged, ...complete])].filter((n) => !written.has(n)),
      doubled: sender.exactlyOnce ? lines.length - written.size : 0,
      p99: delays[Math.floor(delays.length * 0.99)] ?? Number.NaN,
      faults,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
    rmSync(file, { force: true });
  }
}

function endOf(life: ChildProcess): Promise<{ code: number | null; signal: string | null; said: string }> {
  let said = '';
  life.stderr?.on('data', (bytes) => {
    said = `${said}${bytes}`.slice(0, 2_000);
  });
  return new Promise((resolve, reject) => {
    life.on('error', reject);
    life.on('close', (code, signal) => resolve({ code, signal, said }));
  });
}
