import type { Browser, Page } from 'playwright-core';
import { quantile } from '../quantile.js';
import { type ThreadWaits, watchThreads } from './threadWaits.js';

/** A frame or a task of the page that took longer than 100 ms. */
export interface Hiccup {
  readonly ms: number;
  /** How long the threads that draw it waited for a processor meanwhile, in ms: what the machine, and not the page, had no time for. */
  readonly waited: number;
  /** How late the idle page beside it was meanwhile, in ms: it needs hardly any time, so it is late only where the whole machine pauses. */
  readonly control: number;
  /** What the page did then, by the browser's long animation frames: its scripts, style and layout, and painting, in ms. */
  readonly work: string;
}

/** Of a page, with times in ms since the epoch, as clocks of two pages begin at other moments. */
interface Observed {
  readonly frames: readonly number[];
  readonly late: readonly Span[];
  readonly tasks: readonly Span[];
  readonly work: readonly (Span & { readonly text: string })[];
}

interface Span {
  readonly start: number;
  readonly ms: number;
}

const slowMs = 100;
const frameMs = 1_000 / 60;

/**
 * Runs in a page: times between frames, tasks of its main thread that took 50 ms or more, and what was done in long frames, without what
 * `watchPage` itself asks of it.
 */
const observe = `
  globalThis.observed = { frames: [], late: [], tasks: [], work: [] };
  globalThis.skipUntil = 0;
  const since = (time) => performance.timeOrigin + time;
  let last = performance.now();
  const frame = (now) => {
    if (last >= globalThis.skipUntil) {
      observed.frames.push(now - last);
      if (now - last > 30) observed.late.push({ start: since(last), ms: now - last });
    }
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  const onEntries = (type, take) =>
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (entry.startTime >= globalThis.skipUntil) take(entry);
    }).observe({ type });
  onEntries('longtask', ({ startTime, duration }) => observed.tasks.push({ start: since(startTime), ms: duration }));
  onEntries('long-animation-frame', ({ startTime, duration, styleAndLayoutStart, scripts }) => {
    const end = startTime + duration;
    const parts = scripts.map((script) => {
      const name = script.sourceFunctionName || script.invoker;
      return name + ' ' + script.duration.toFixed(0);
    });
    if (styleAndLayoutStart > 0) parts.push('style, layout and paint ' + (end - styleAndLayoutStart).toFixed(0));
    observed.work.push({ start: since(startTime), ms: duration, text: parts.join(', ') });
  });
`;

/**
 * What a page does over some minutes, at its top and at the table of batches in turn: times between two frames, long tasks, and its heap after a
 * collection, minute by minute.
 *
 * A frame is late because the page works for long, or because the machine, which draws it without a GPU, has no time for it. How long its threads
 * waited for a processor at that moment, and how late an empty page in a window of its own was, is not the page's doing. The frames in which a
 * collection is asked for are left out.
 */
export async function watchPage(browser: Browser, page: Page, minutes: number) {
  const context = await browser.newContext();
  const control = await context.newPage();
  await control.goto('about:blank');
  await page.bringToFront();
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  // As long as it takes to have 600 batches: until then the heap must grow.
  await pause(60_000);
  const waits = await watchThreads(browser, page);
  for (const one of [control, page]) await one.evaluate(observe);
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
  // What the last turn has drawn.
  await pause(1_000);
  const [idle, seen] = await Promise.all(
    [control, page].map(async (one) => (await one.evaluate('observed')) as Observed),
  );
  waits.stop();
  await context.close();
  if (!idle || !seen) throw new Error('a page has told nothing');
  if (idle.frames.length < seen.frames.length / 2) throw new Error('the idle page was not drawn: it tells nothing');
  const hiccups = (all: readonly Span[]) => all.filter(isSlow).map((span) => hiccupOf(span, idle, seen, waits));
  return {
    frames: seen.frames.length,
    longestFrame: quantile(seen.frames, 1),
    frame999: quantile(seen.frames, 0.999),
    slowFrames: hiccups(seen.late),
    longTasks: seen.tasks.length,
    longestTask: Math.max(0, ...seen.tasks.map(({ ms }) => ms)),
    slowTasks: hiccups(seen.tasks),
    latestControl: Math.max(0, ...idle.late.map(({ ms }) => ms - frameMs)),
    heaps,
  };
}

/** Whether the page would have been over 100 ms also on a machine that had time for it. */
export function isOwn({ ms, waited, control }: Hiccup): boolean {
  return ms - Math.max(waited, control) > slowMs;
}

export function describe({ ms, waited, control, work }: Hiccup): string {
  const machine = `${waited.toFixed(0)} ms waiting for a processor, the idle page ${control.toFixed(0)} ms late`;
  return `${ms.toFixed(0)} ms (${machine}): ${work || 'nothing long of the page'}`;
}

function hiccupOf(span: Span, idle: Observed, seen: Observed, waits: ThreadWaits): Hiccup {
  const end = span.start + span.ms;
  const lost = idle.late.map(({ start, ms }) => Math.min(start + ms, end) - Math.max(start, span.start) - frameMs);
  const control = lost.reduce((sum, ms) => sum + Math.max(ms, 0), 0);
  const meanwhile = ({ start, ms }: Span) => start < end && start + ms > span.start;
  const work = seen.work.filter(meanwhile).map(({ text }) => text);
  return { ms: span.ms, waited: waits.between(span.start, end), control, work: work.join('; ') };
}

function isSlow({ ms }: Span): boolean {
  return ms > slowMs;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
