import { readdirSync, readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';

/** How long a thread had been waiting for a processor by a moment, both in ms. */
interface Sample {
  readonly at: number;
  readonly waited: number;
}

/** How long the threads that draw a page waited for a processor. */
export interface ThreadWaits {
  /** In ms, of the thread that waited longest between two moments, in ms since the epoch. */
  between(start: number, end: number): number;
  stop(): void;
}

const sampleMs = 20;
const spinMs = 300;

/**
 * Watches the threads that draw a page: its main thread and compositor, and those of the process that puts pages on the screen. Linux counts
 * how long each was ready to run and no processor was free; elsewhere it is 0.
 */
export async function watchThreads(browser: Browser, page: Page): Promise<ThreadWaits> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const idsOf = (type: string) => processInfo.filter((one) => one.type === type).map(({ id }) => id);
  const renderer = await busiest(idsOf('renderer'), () =>
    page.evaluate(`
    for (const end = performance.now() + ${spinMs}; performance.now() < end; );
  `),
  );
  const threads = [
    ...threadsOf(renderer, /^Compositor$/),
    ...idsOf('GPU').flatMap((id) => threadsOf(id, /^VizCompositor/)),
  ];
  const samples = threads.map((path) => ({ path, all: [sampleOf(path)] }));
  const timer = setInterval(() => {
    for (const { path, all } of samples) all.push(sampleOf(path));
  }, sampleMs);
  return {
    between: (start, end) => Math.max(0, ...samples.map(({ all }) => waitedAt(all, end) - waitedAt(all, start))),
    stop: () => clearInterval(timer),
  };
}

/** The process that works most while something is done. */
async function busiest(ids: readonly number[], work: () => Promise<unknown>): Promise<number> {
  const used = () => new Map(ids.map((id) => [id, read(`/proc/${id}/schedstat`)[0] ?? 0]));
  const before = used();
  await work();
  const more = [...used()].map(([id, ns]) => ({ id, ns: ns - (before.get(id) ?? 0) }));
  return more.sort((a, b) => b.ns - a.ns)[0]?.id ?? 0;
}

/** The main thread of a process, and others of this name. */
function threadsOf(id: number, name: RegExp): readonly string[] {
  const tasks = existing(() => readdirSync(`/proc/${id}/task`)) ?? [];
  return tasks
    .map((task) => `/proc/${id}/task/${task}`)
    .filter(
      (path) =>
        path.endsWith(`/${id}`) || name.test(existing(() => readFileSync(`${path}/comm`, 'utf8'))?.trim() ?? ''),
    )
    .map((path) => `${path}/schedstat`);
}

function sampleOf(path: string): Sample {
  return { at: performance.timeOrigin + performance.now(), waited: (read(path)[1] ?? 0) / 1e6 };
}

/** Between two samples as much as its share of the time. */
function waitedAt(samples: readonly Sample[], at: number): number {
  const next = samples.findIndex((sample) => sample.at >= at);
  const [after, before] = [samples.at(next), samples[next - 1]];
  if (!after) return 0;
  if (!before || next < 0) return after.waited;
  return before.waited + ((after.waited - before.waited) * (at - before.at)) / (after.at - before.at);
}

/** The numbers of a file: time on a processor and time waited for one, in ns. */
function read(path: string): readonly number[] {
  return existing(() => readFileSync(path, 'utf8').split(' ').map(Number)) ?? [];
}

/** `undefined` where a file is not there, or no longer. */
function existing<T>(get: () => T): T | undefined {
  try {
    return get();
  } catch {
    return undefined;
  }
}
