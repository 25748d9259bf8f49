// npm run bench -- dashboard [--seconds 20] [--rounds 5] [--minutes 10]: what watching costs. First the processor time of a process
// with 1,000 batches a minute over 64 partitions, without a board, and with a board and four open pages, in interleaved rounds. Then the
// page itself over some minutes: the times between frames, its long tasks, both beside what the machine had no time for, and its heap.
// --minutes 0 leaves that out.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright-core';
import { buildPage } from '../scripts/build-page.mjs';
import { describe, type Hiccup, isOwn, watchPage } from './dashboard/watchPage.js';
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

/** What a page does over some minutes. */
async function watch(browser: Browser, minutes: number) {
  const watched = new Watched('board', 60 * (minutes + 1));
  try {
    const opened = await openPages(browser, await watched.line());
    const [page] = opened.pages;
    if (!page) throw new Error('there is no page');
    const found = await watchPage(browser, page, minutes);
    await opened.close();
    return found;
  } finally {
    watched.stop();
  }
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
  const page = minutes > 0 ? await watch(browser, minutes) : undefined;
  writeResults('dashboard', { unit: '% of a core', rows, ratios: { 'more, % of a core': more }, ...page }, minutes > 0);
  if (page) {
    const ms = (value: number) => `${value.toFixed(0)} ms`;
    const { frames, longestFrame, frame999, slowFrames, longTasks, longestTask, slowTasks, heaps } = page;
    const own = (all: readonly Hiccup[]) => `${all.length} over 100 ms, ${all.filter(isOwn).length} of the page's own`;
    console.log(`${frames} frames, the longest ${ms(longestFrame)}, 99.9 % within ${ms(frame999)}; ${own(slowFrames)}`);
    console.log(`${longTasks} tasks over 50 ms, the longest ${ms(longestTask)}; ${own(slowTasks)}`);
    for (const [what, all] of Object.entries({ frame: slowFrames, task: slowTasks })) {
      for (const hiccup of all) console.log(`${what} of ${describe(hiccup)}`);
    }
    console.log(`the latest frame of the idle page: ${ms(page.latestControl)} late`);
    console.log(`heap ${heaps.map((heap) => heap.toFixed(1)).join(', ')} MiB`);
  }
} finally {
  await browser.close();
}
