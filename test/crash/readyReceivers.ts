import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildChild } from './buildChild.js';
import { exitCodes } from './exitCodes.js';
import { httpSender, tcpSender } from './numberedSender.js';
import { readFiles } from './outputFiles.js';
import { randomOf } from './records.js';
import { scratch } from './scratch.js';

export interface ReadyCrashes {
  readonly kind: 'tcp' | 'http';
  readonly kills: number;
  readonly seed: number;
  readonly onKill?: (kills: number) => void;
}

export interface ReadyCrashResult {
  readonly kills: number;
  readonly acknowledged: number;
  /** Numbers that were acknowledged and are in no output. */
  readonly lost: readonly number[];
  /** Time from sending to the acknowledgement that 99 of 100 stay under, ms, kills included. */
  readonly p99: number;
  readonly faults: readonly string[];
}

/** How long a life lasts after its first acknowledgement, at most, ms. */
const longestLife = 120;

/** Kills a process with a ready receiver again and again, while a sender sends what is not acknowledged until it is. */
export async function crashReadyReceiver({ kind, kills, seed, onKill }: ReadyCrashes): Promise<ReadyCrashResult> {
  const random = randomOf(seed);
  const directory = scratch();
  const file = await buildChild(new URL('readyChild.ts', import.meta.url));
  const sender = await (kind === 'tcp' ? tcpSender() : httpSender());
  const faults: string[] = [];
  const begin = () =>
    spawn(process.execPath, [file, directory, kind, String(sender.port)], { stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    for (let killed = 0; killed < kills; killed++) {
      const life = begin();
      const ended = endOf(life);
      const before = sender.acknowledged.size;
      while (sender.acknowledged.size === before && life.exitCode === null) await sleep(2);
      await sleep(longestLife * random() ** 2);
      life.kill('SIGKILL');
      const { signal, said } = await ended;
      if (signal !== 'SIGKILL') faults.push(`it ended by itself: ${said}`);
      if (faults.length > 3) break;
      onKill?.(killed + 1);
    }
    const last = begin();
    const ended = endOf(last);
    const before = sender.acknowledged.size;
    while (sender.acknowledged.size < before + 100 && last.exitCode === null) await sleep(5);
    last.kill('SIGTERM');
    await sender.stop();
    const { code, said } = await ended;
    if (code !== exitCodes.done) faults.push(`the last life ended with ${code}: ${said}`);
    const written = new Set(readFiles(directory).flatMap(([, lines]) => lines.map(Number)));
    const delays = [...sender.delays].sort((a, b) => a - b);
    return {
      kills,
      acknowledged: sender.acknowledged.size,
      lost: [...sender.acknowledged].filter((n) => !written.has(n)),
      p99: delays[Math.floor(delays.length * 0.99)] ?? 0,
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
