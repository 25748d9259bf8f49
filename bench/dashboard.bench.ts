// npm run bench -- dashboard [--seconds 20] [--rounds 5] [--minutes 10]: what watching costs. First the processor time of a process
// with 1,000 batches a minute over 64 partitions, without a board, and with a board and four open pages, in interleaved rounds. Then the
// page itself over some minutes: the times between frames, its long tasks, and its heap. --minutes 0 leaves that out.
import { type ChildProcess, spawn } from 'node:child_process';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright-core';
import { buildPage } from '../scripts/build-page.mjs';
import { rowOf, writeResults } from './report.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '5' },
    minutes: { type: 'string', default: '10' },
  },
});
const pages = 4;
const warmUpMs = 5_000;
const timerMs = 10;

interface Sample {
  readonly cpu: number;
  readonly batches: number;
  readonly elapsed: number;
}

class Watched {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(mode: 'board' | 'plain', seconds: number) {
    const args = [
      '--import',
      'tsx',
      fileURLToPath(new URL('./dashboard/child.ts', import.meta.url)),
      mode,
      String(seconds),
    ];
    this.#child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (!this.#child.stdout) throw new Error('the process has no output');
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** The next line. */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the process ended early');
    return value;
  }

  async measure(): Promise<Sample> {
    this.#child.stdin?.write('\n');
    return JSON.parse(await this.line()) as Sample;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function openPages(
  browser: Browser,
  url: string,
): Promise<{ close(): Promise<void>; readonly pages: readonly Page[] }> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const opened = await Promise.all(Array.from({ length: pages }, () => context.newPage()));
  for (const page of opened) await page.goto(url);
  return { pages: opened, close: () => context.close() };
}

async function sample(browser: Browser, mode: 'board' | 'plain'): Promise<Sample> {
  const watched = new Watched(mode, Number(values.seconds));
  try {
    const url = await watched.line();
    const opened = mode === 'board' ? await openPages(browser, url) : undefined;
    await pause(warmUpMs);
    const measured = await watched.measure();
    await opened?.close();
    return measured;
  } finally {
    watched.stop();
  }
}

/** Runs in the page: times between frames, and tasks of its main thread that took 50 ms or more, without those of `watchPage` itself. */
const observe = `
  globalThis.frames = [];
  globalThis.tasks = [];
  globalThis.skipUntil = 0;
  let last = performance.now();
  const frame = (now) => {
    if (last >= globalThis.skipUntil) globalThis.frames.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      if (startTime >= globalThis.skipUntil) globalThis.tasks.push(duration);
  }).observe({ type: 'longtask' });
`;

interface Observed {
  readonly frames: readonly number[];
  readonly tasks: readonly number[];
}

/**
 * What a page does over some minutes, at its top and at the table of batches in turn: times between two frames and its heap after a collection,
 * minute by minute. A frame is late because the page works for long, or because the machine, which has four pages to draw without a GPU, has no
 * time for it: the long tasks of the page tell the first, and how late a timer of this process is tells the second. The frames in which a
 * collection is asked for are left out, as they are not the page's own doing.
 */
async function watchPage(browser: Browser, minutes: number) {
  const watched = new Watched('board', 60 * (minutes + 1));
  const lateness = monitorEventLoopDelay({ resolution: timerMs });
  try {
    const opened = await openPages(browser, await watched.line());
    const [page] = opened.pages;
    if (!page) throw new Error('there is no page');
    await page.bringToFront();
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    // As long as it takes to have 600 batches: until then the heap must grow.
    await pause(60_000);
    await page.evaluate(observe);
    lateness.enable();
    const heaps: number[] = [];
    for (let minute = 0; minute <= minutes; minute++) {
      if (minute > 0) await pause(60_000);
      await page.evaluate('globalThis.skipUntil = Infinity');
      await session.send('HeapProfiler.collectGarbage');
      const { metrics } = await session.send('Performance.getMetrics');
      heaps.push((metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? Number.NaN) / 1_024 / 1_024);
      await page.evaluate(`globalThis.skipUntil = performance.now(); scrollTo(0, ${(minute % 2) * 10_000})`);
      console.log(`minute ${minute}: heap ${heaps.at(-1)?.toFixed(1)} MiB`);
    }
    const observed = (await page.evaluate('({ frames, tasks })')) as Observed;
    const frames = [...observed.frames].sort((a, b) => a - b);
    await opened.close();
    return {
      frames: frames.length,
      longestFrame: frames.at(-1) ?? Number.NaN,
      frame999: frames[Math.floor(frames.length * 0.999)] ?? Number.NaN,
      slowFrames: frames.filter(isSlow).length,
      longTasks: observed.tasks.length,
      longestTask: Math.max(0, ...observed.tasks),
      slowTasks: observed.tasks.filter(isSlow).length,
      latestTimer: lateness.max / 1e6 - timerMs,
      heaps,
    };
  } finally {
    lateness.disable();
    watched.stop();
  }
}

function isSlow(ms: number): boolean {
  return ms > 100;
}

await buildPage();
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--enable-precise-memory-info'],
});
try {
  const cpu = { plain: [] as number[], board: [] as number[] };
  for (let round = 0; round < Number(values.rounds); round++) {
    const order = round % 2 === 0 ? (['plain', 'board'] as const) : (['board', 'plain'] as const);
    for (const mode of order) {
      const { cpu: used, batches, elapsed } = await sample(browser, mode);
      cpu[mode].push(100 * used);
      console.log(
        `${mode}: ${(100 * used).toFixed(2)} % of a core, ${Math.round((60_000 * batches) / elapsed)} batches a minute`,
      );
    }
  }
  const rows = [rowOf('without a board', cpu.plain), rowOf(`with a board and ${pages} pages`, cpu.board)];
  const more = (rows[1]?.median ?? Number.NaN) - (rows[0]?.median ?? Number.NaN);
  const minutes = Number(values.minutes);
  const page = minutes > 0 ? await watchPage(browser, minutes) : undefined;
  writeResults('dashboard', { unit: '% of a core', rows, ratios: { 'more, % of a core': more }, ...page }, minutes > 0);
  if (page) {
    const ms = (value: number) => `${value.toFixed(0)} ms`;
    console.log(`${page.frames} frames, the longest ${ms(page.longestFrame)}, 99.9 % within ${ms(page.frame999)},`);
    console.log(`${page.slowFrames} over 100 ms; ${page.longTasks} tasks of the page over 50 ms, the longest`);
    console.log(
      `${ms(page.longestTask)}, ${page.slowTasks} over 100 ms; the latest timer of this process ${ms(page.latestTimer)};`,
    );
    console.log(`heap ${page.heaps.map((heap) => heap.toFixed(1)).join(', ')} MiB`);
  }
} finally {
  await browser.close();
}
