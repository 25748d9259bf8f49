import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildChild } from './buildChild.js';
import { type CrashedEnds, pointsOf } from './checkpoints.js';
import { exitCodes } from './exitCodes.js';
import { writeLog } from './fileLog.js';
import { judge, type Written } from './judge.js';
import { judgeReceiver, readStored } from './judgeReceiver.js';
import { createTopic, newKafka, writeTopic } from './kafkaLog.js';
import { readFiles } from './outputFiles.js';
import { createOutputTable, readTable } from './outputTable.js';
import { readTopic } from './readTopic.js';
import { randomOf } from './records.js';
import { jobOf, scratch, topicOf } from './scratch.js';

/** Where a life ends: at a point, at the nth time that it comes by; or some while after it began. */
export type Death =
  | { readonly point: string; readonly nth: number }
  | { readonly point: 'any moment'; readonly after: number };

export interface MatrixOptions {
  /** Name of the store. */
  readonly store: string;
  /** Default: files at both ends, and a table as the output with the store `postgres`. */
  readonly ends?: CrashedEnds;
  /** Needed where the store is `postgres`. */
  readonly postgresUrl?: string;
  /** Needed where an end is `kafka`. */
  readonly brokers?: string;
  readonly crashes: number;
  /** Ends after so many seconds, though there were fewer crashes. Default none. */
  readonly seconds?: number;
  /** Children at a time. */
  readonly parallel: number;
  readonly seed: number;
  /** Called after each crash. */
  readonly onCrash?: (crashes: number) => void;
}

export interface PointResult {
  crashes: number;
  /** Lines that should be in the output and are not, over all runs in which a life ended here. */
  lost: number;
  /** Lines that are in the output and should not be. */
  doubled: number;
}

export interface MatrixResult {
  readonly seed: number;
  readonly crashes: number;
  /** Runs from the first record to the last, each by many lives. */
  readonly runs: number;
  readonly lost: number;
  readonly doubled: number;
  readonly points: Readonly<Record<string, PointResult>>;
  /** What was wrong, with the deaths that led to it. */
  readonly faults: readonly string[];
}

/** At which of its times a point is tried. */
const times = [1, 2, 10];
const anyMoment = 'any moment';
/** A life that takes longer, ms, does not come to its end: that is a fault. */
const longest = 480_000;

/** Every point at its first, second and tenth time; every other death is at a random time of a random point, or at any moment. */
function* deaths(points: readonly string[], seed: number): Generator<Death, never> {
  const matrix = times.flatMap((nth) => points.map((point) => ({ point, nth })));
  const random = randomOf(seed);
  for (let i = 0; ; i++) {
    yield matrix[i % matrix.length] as Death;
    const point = points[Math.floor(random() * points.length)] as string;
    if (random() < 0.5) yield { point, nth: 1 + Math.floor(random() * 12) };
    else yield { point: anyMoment, after: random() };
  }
}

export function defaultEnds(store: string): CrashedEnds {
  return { source: 'files', output: store === 'postgres' ? 'table' : 'files' };
}

/**
 * Kills processes that compute, until there were so many crashes: each run is gone on with by the next life until it has
 * come to its end, and is judged then.
 */
export async function crashMatrix(options: MatrixOptions): Promise<MatrixResult> {
  const base = scratch();
  const received = options.ends?.source === 'receiver';
  const child = await (received ? buildChild(new URL('receiverChild.ts', import.meta.url)) : buildChild());
  try {
    if (!received) writeLog(base);
    if (options.postgresUrl) await createOutputTable(options.postgresUrl);
    if (options.ends?.source === 'kafka') await writeTopic(newKafka(options.brokers ?? ''), topicOf(base));
    return await new Matrix(options, base, child).run();
  } finally {
    rmSync(base, { recursive: true, force: true });
    rmSync(child, { force: true });
  }
}

class Matrix {
  readonly #options: MatrixOptions;
  readonly #ends: CrashedEnds;
  readonly #base: string;
  readonly #child: string;
  readonly #deaths: Generator<Death, never>;
  readonly #points: Record<string, PointResult> = {};
  readonly #faults: string[] = [];
  readonly #begun = performance.now();
  #crashes = 0;
  #runs = 0;
  #lives = 0;
  #lost = 0;
  #doubled = 0;
  /** How long a life takes that is not killed, ms. */
  #lifetime = 500;

  constructor(options: MatrixOptions, base: string, child: string) {
    this.#options = options;
    this.#base = base;
    this.#child = child;
    this.#ends = options.ends ?? defaultEnds(options.store);
    this.#deaths = deaths(pointsOf(options.store, this.#ends), options.seed);
  }

  async run(): Promise<MatrixResult> {
    await Promise.all(Array.from({ length: this.#options.parallel }, () => this.#work()));
    const points = Object.fromEntries(Object.entries(this.#points).sort(([a], [b]) => a.localeCompare(b)));
    return {
      seed: this.#options.seed,
      crashes: this.#crashes,
      runs: this.#runs,
      lost: this.#lost,
      doubled: this.#doubled,
      points,
      faults: this.#faults,
    };
  }

  async #work(): Promise<void> {
    let missed: Death | undefined;
    while (!this.#enough) missed = await this.#runToTheEnd(missed);
  }

  /** Gives the death that did not come because the run had ended: the next run begins with it, and must meet it. */
  async #runToTheEnd(first: Death | undefined): Promise<Death | undefined> {
    const directory = join(this.#base, String(this.#runs++));
    mkdirSync(directory);
    const { brokers = '' } = this.#options;
    if (this.#ends.output === 'kafka') await createTopic(newKafka(brokers), jobOf(directory));
    const died: Death[] = [];
    let death: Death | undefined = first ?? this.#deaths.next().value;
    for (;;) {
      const end = await this.#live(directory, this.#enough ? undefined : death);
      if (end.code === exitCodes.done) break;
      if (end.code !== undefined) {
        const { code, said } = end;
        const doubled = code === exitCodes.different ? [said] : [];
        this.#judged(directory, died, [], doubled, doubled.length > 0 ? undefined : `exit ${code}: ${said}`);
        return undefined;
      }
      died.push(death as Death);
      this.#crashes++;
      this.#at(death as Death).crashes++;
      this.#options.onCrash?.(this.#crashes);
      death = this.#deaths.next().value;
    }
    const written = await this.#written(directory);
    const received = this.#ends.source === 'receiver';
    const { lost, doubled } = received
      ? judgeReceiver(written, readStored(directory))
      : judge(written, this.#ends.operators);
    const unmet = first !== undefined && died.length === 0 && first.point !== anyMoment && !this.#enough;
    this.#judged(directory, died, lost, doubled, unmet ? `${JSON.stringify(first)} never came` : undefined);
    return unmet || death?.point === anyMoment ? undefined : death;
  }

  #written(directory: string): Written | Promise<Written> {
    if (this.#ends.output === 'table') return readTable(this.#options.postgresUrl ?? '', jobOf(directory));
    if (this.#ends.output === 'kafka') return readTopic(this.#options.brokers ?? '', jobOf(directory));
    return readFiles(directory);
  }

  get #enough(): boolean {
    const { crashes, seconds = Infinity } = this.#options;
    return this.#crashes >= crashes || performance.now() - this.#begun > 1_000 * seconds;
  }

  #at({ point }: Death): PointResult {
    this.#points[point] ??= { crashes: 0, lost: 0, doubled: 0 };
    return this.#points[point];
  }

  #judged(
    directory: string,
    died: readonly Death[],
    lost: readonly string[],
    doubled: readonly string[],
    fault: string | undefined,
  ): void {
    this.#lost += lost.length;
    this.#doubled += doubled.length;
    for (const point of new Set(died.map((death) => death.point))) {
      const result = this.#at({ point, nth: 1 });
      result.lost += lost.length;
      result.doubled += doubled.length;
    }
    const wrong = [
      ...lost.slice(0, 5).map((line) => `lost ${line}`),
      ...doubled.slice(0, 5).map((line) => `doubled ${line}`),
    ];
    if (fault !== undefined) wrong.push(fault);
    if (wrong.length > 0) this.#faults.push(`${wrong.join('; ')}; after ${JSON.stringify(died)}`);
    else rmSync(directory, { recursive: true, force: true });
  }

  /** One life, until its death or its end. */
  async #live(
    directory: string,
    death: Death | undefined,
  ): Promise<{ readonly code?: number | string; readonly said: string }> {
    const failpoint = death && 'nth' in death ? `${death.point}:${death.nth}` : '';
    const seed = String(this.#options.seed + this.#lives++);
    const begun = performance.now();
    const life = spawn(process.execPath, [this.#child, directory, this.#base, this.#options.store, seed], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        DSTREAM_FAILPOINT: failpoint,
        CRASH_ENDS: JSON.stringify(this.#ends),
        POSTGRES_URL: this.#options.postgresUrl,
        KAFKA_BROKERS: this.#options.brokers,
      },
    });
    const timer = death && 'after' in death && setTimeout(() => life.kill('SIGKILL'), death.after * this.#lifetime);
    const stuck = setTimeout(() => life.kill('SIGABRT'), longest);
    const { code, signal, said } = await ended(life);
    clearTimeout(stuck);
    if (timer) clearTimeout(timer);
    if (signal === 'SIGKILL') return { said };
    // It began somewhere in the middle of the run: a little more is about right, and what is too late is not counted.
    this.#lifetime = 0.8 * this.#lifetime + 0.2 * (performance.now() - begun);
    return { code: code ?? signal ?? '', said };
  }
}

function ended(life: ChildProcess): Promise<{ code: number | null; signal: string | null; said: string }> {
  let said = '';
  life.stderr?.on('data', (bytes) => {
    said += bytes;
  });
  return new Promise((resolve, reject) => {
    life.on('error', reject);
    life.on('close', (code, signal) => resolve({ code, signal, said: said.slice(0, 2_000) }));
  });
}
