import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  aggregateByEventWindow,
  costModel,
  eventTime,
  foreachBatch,
  json,
  logBatches,
  mapRecords,
  memoryLog,
  type StreamSnapshot,
  updateStateByKey,
} from 'dstream';
import { count } from 'dstream/aggregators';
import type { Dashboard } from 'dstream/node';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { NEVER, type Subscription, timer } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildPage } from '../../scripts/build-page.mjs';
import { freePorts } from '../../scripts/free-ports.mjs';
import { hasChromium, launchChromium, seriousViolations } from '../support/chromium.js';
import { testBoard } from '../support/testBoard.js';

const deadline = { timeout: 300_000 };

/** A stream of 70 partitions that hangs in its fourth batch, so that what can be seen of it stays the same. */
function hangingStream(board: Dashboard): { readonly subscription: Subscription; snapshot(): StreamSnapshot } {
  const log = memoryLog({ topics: { orders: 70 } });
  for (let partition = 0; partition < 70; partition++) {
    log.append(
      'orders',
      Array.from({ length: 20 * partition }, (_, i) => ({ partition, value: String(i) })),
    );
  }
  const stream = logBatches(log, {
    topics: ['orders'],
    start: 'earliest',
    interval: 500,
    deserialize: json<number>(),
    backpressure: costModel(),
    initialRate: 2_000,
    stallAfter: 3_600_000,
    name: 'orders',
    monitors: [board],
  });
  let batches = 0;
  const subscription = stream
    .pipe(
      mapRecords((n) => [n % 50, n]),
      updateStateByKey(
        (values: readonly number[], sum: number | undefined) => values.reduce((a, b) => a + b, sum ?? 0),
        { id: 'sums' },
      ),
      foreachBatch(() => (++batches > 3 ? NEVER : timer(40))),
    )
    .subscribe();
  return { subscription, snapshot: () => stream.snapshot() as StreamSnapshot };
}

/** A stream by event time: one partition holds the watermark back, one record is late and another has no valid time. */
function heldBackStream(board: Dashboard): Subscription {
  const log = memoryLog({ topics: { orders: 3 } });
  const times = [
    [0, 100_000],
    [0, 5],
    [1, 40_000],
    [2, 70_000],
    [2, -1],
  ] as const;
  log.append(
    'orders',
    times.map(([partition, time]) => ({ partition, value: String(time) })),
  );
  return logBatches(log, {
    topics: ['orders'],
    start: 'earliest',
    interval: 250,
    deserialize: json<number>(),
    name: 'orders',
    monitors: [board],
  })
    .pipe(
      eventTime({ timestamp: (at) => at, outOfOrderness: 10_000, idleAfter: Infinity, invalid: 'skip' }),
      aggregateByEventWindow(count(), { window: 60_000 }),
      foreachBatch(() => {}),
    )
    .subscribe();
}

// Debian's chromium: .ci/run installs it. Elsewhere the test says that it was left out.
describe.skipIf(!hasChromium)('the dashboard in a browser', () => {
  let browser: Browser;
  let page: string;
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    page = `${await buildPage(mkdtempSync(join(tmpdir(), 'dstream-page-')))}/`;
    browser = await launchChromium('--host-resolver-rules=MAP evil.example 127.0.0.1');
  });

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  afterAll(() => browser?.close());

  async function openBoard(options: Parameters<typeof testBoard>[0] = {}): Promise<Dashboard> {
    const board = await testBoard(options, page);
    closing.push(() => board.close());
    return board;
  }

  async function newContext(options: Parameters<Browser['newContext']>[0] = {}): Promise<BrowserContext> {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    context.setDefaultTimeout(deadline.timeout);
    closing.push(() => context.close());
    return context;
  }

  /** A page with the board of a hanging stream; `problems` are errors of the page and requests to other hosts. */
  async function hangingPage(options: Parameters<Browser['newContext']>[0] = {}) {
    const board = await openBoard();
    const { subscription, snapshot } = hangingStream(board);
    closing.push(() => subscription.unsubscribe());
    const tab = await (await newContext(options)).newPage();
    const problems: string[] = [];
    tab.on('request', (request) => {
      if (!request.url().startsWith(board.url) && !request.url().startsWith('data:')) problems.push(request.url());
    });
    tab.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    tab.on('pageerror', (error) => problems.push(String(error)));
    await tab.goto(board.url);
    await expect.poll(() => snapshot()?.open[0]?.stage, deadline).toBe('effect');
    await expect.poll(() => tab.locator('tbody[data-time]').count(), deadline).toBe(3);
    return { board, tab, snapshot, problems, subscription };
  }

  const number = (tab: Page, name: string) =>
    tab.locator(`data[data-name="${name}"]`).first().getAttribute('value').then(Number);

  /** The process of `boardChild.ts`, which takes signals. */
  async function killableProcess() {
    const [port = 0] = await freePorts(1);
    const checkpoint = join(mkdtempSync(join(tmpdir(), 'dstream-killed-')), 'checkpoint');
    const script = fileURLToPath(new URL('boardChild.ts', import.meta.url));
    const args = ['--import', 'tsx', script, String(port), checkpoint, page];
    let child: ChildProcess | undefined;
    closing.push(() => child?.kill('SIGKILL'));
    return {
      url: `http://127.0.0.1:${port}/`,
      start: async () => {
        child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
        if (child.stdout) await once(child.stdout, 'data');
      },
      signal: async (name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT') => {
        child?.kill(name);
        if (child && name === 'SIGKILL') await once(child, 'exit');
      },
    };
  }

  /** How the stream does, as the page says it: level, headline and title. */
  const verdictOn = async (tab: Page) => [
    await tab.locator('.verdict').getAttribute('data-level'),
    await tab.locator('.verdict b').textContent(),
    await tab.title(),
  ];

  it('shows the numbers of the snapshot, asks no other host, and breaks no rule of its policy', async () => {
    const { tab, snapshot, problems } = await hangingPage();
    // Between two looks a batch may come due: then they are compared again.
    await expect
      .poll(async () => {
        const before = snapshot();
        const partitions = before.inputs.log?.partitions ?? [];
        const largest = [...partitions].sort((a, b) => b.lag - a.lag);
        const shown = {
          lag: await number(tab, 'lag'),
          waiting: await number(tab, 'waiting'),
          rate: await number(tab, 'rate'),
          processing: await number(tab, 'processing'),
          scheduling: await number(tab, 'scheduling'),
          entries: await number(tab, 'state-entries'),
          partitions: await tab
            .locator('data[data-name="partition-lag"]')
            .evaluateAll((all) => all.map((one) => Number(one.getAttribute('value')))),
          status: await tab.locator('.status').textContent(),
        };
        const rest = largest.slice(64).reduce((sum, { lag }) => sum + lag, 0);
        const expected = {
          lag: partitions.reduce((sum, { lag }) => sum + lag, 0),
          waiting: before.waiting,
          rate: before.inputs.log?.rate,
          processing: before.lastBatch?.processingDelay,
          scheduling: before.lastBatch?.schedulingDelay,
          entries: before.state[0]?.entries,
          partitions: [...largest.slice(0, 64).map(({ lag }) => lag), rest],
          status: expect.stringMatching(/^running since \d\d:\d\d:\d\d$/),
        };
        try {
          expect(shown).toEqual(expected);
          return 'equal';
        } catch (error) {
          return String(error);
        }
      }, deadline)
      .toBe('equal');
    expect(await tab.getByRole('heading', { name: 'Event time' }).isVisible()).toBe(false);
    expect(problems).toEqual([]);
  });

  it('shows the copies that a process keeps for others, and what happens to it in its group, also before it has a task', async () => {
    const board = await openBoard();
    const event = { at: Date.now(), groupId: 'g', memberId: 'm', generation: 1, tasks: [] };
    board.next({ ...event, type: 'joined' });
    for (const [id, behind] of [['3', 0] as const, ['4', 12_400] as const]) {
      board.next({ ...event, type: 'standby', tasks: [id] });
      board.next({ ...event, type: 'standby-behind', tasks: [id], behind });
    }
    const tab = await (await newContext()).newPage();
    await tab.goto(board.url);
    const group = tab.getByRole('region', { name: 'Group', exact: true });
    const facts = async () => {
      const values = await group.locator('dd').allTextContents();
      return (await group.locator('dt').allTextContents()).map((name, i) => [name, values[i]]);
    };
    const none = ['Tasks', 'none'];
    await expect.poll(facts, deadline).toEqual([none, ['Copy of 4', '12,400 behind'], ['Copy of 3', '0 behind']]);
    board.next({ ...event, type: 'standby-stale', tasks: ['3'] });
    await expect.poll(facts, deadline).toEqual([none, ['Copy of 3', 'not known'], ['Copy of 4', '12,400 behind']]);
    // The process takes a task over, and loses it.
    board.next({ ...event, type: 'standby-ended', tasks: ['4'] });
    board.next({ ...event, type: 'assigned', tasks: ['4'] });
    const stream = hangingStream(board);
    closing.push(() => stream.subscription.unsubscribe());
    await expect.poll(facts, deadline).toEqual([
      ['Tasks', '4'],
      ['Copy of 3', 'not known'],
    ]);
    board.next({ ...event, type: 'lost', tasks: ['4'], reason: 'late by 9 ms' });
    const events = () => group.locator('li .badge').allTextContents();
    await expect
      .poll(events, deadline)
      .toEqual(['lost', 'assigned', 'standby-ended', 'standby-stale', 'standby', 'standby', 'joined']);
    expect(await group.locator('li').first().locator('.where').textContent()).toBe('late by 9 ms');
    expect(await group.locator('.bad').allTextContents()).toEqual(['lost']);
    expect(await seriousViolations(tab)).toEqual([]);
  });

  it('opens a batch to its ranges and stages, by click and by keyboard, also from a chart', async () => {
    const { tab, snapshot } = await hangingPage();
    const last = snapshot().lastBatch;
    const body = tab.locator(`tbody[data-time="${last?.time}"]`);
    await body.locator('button').click();
    await body.locator('.ranges').waitFor();
    const cells = await body
      .locator('.ranges tbody tr')
      .evaluateAll((rows) => rows.map((one) => [...one.children].slice(0, 4).map((cell) => cell.textContent)));
    const moved = (last?.inputs.log?.ranges ?? []).filter(({ from, until }) => until > from);
    const text = (value: number) => value.toLocaleString('en');
    expect(cells).toEqual(
      moved.map(({ topic, partition, from, until }) => [
        `${topic}/${partition}`,
        text(from),
        text(until),
        text(until - from),
      ]),
    );
    expect(await body.locator('.stages tbody th').allTextContents()).toEqual(
      expect.arrayContaining(['fetch', 'dispatch', 'foreachBatch']),
    );
    await body.locator('button').press('Enter');
    expect(await body.locator('.detail').isVisible()).toBe(false);

    const plot = tab.locator('.plot').first();
    await plot.focus();
    await plot.press('Home');
    expect(await tab.locator('.when').allTextContents()).toEqual(
      Array(4).fill(expect.stringMatching(/^\d\d:\d\d:\d\d(\.\d{3})?$/)),
    );
    await plot.press('Enter');
    await tab.locator('tbody[data-time]').last().locator('.ranges').waitFor();
  });

  it.each([1440, 390])('shows what holds the watermark back, and what is late, at %i pixels', async (width) => {
    const board = await openBoard();
    const subscription = heldBackStream(board);
    closing.push(() => subscription.unsubscribe());
    const tab = await (await newContext({ viewport: { width, height: 900 } })).newPage();
    await tab.goto(board.url);
    const panel = tab.getByRole('region', { name: 'Event time', exact: true });
    await panel.waitFor(deadline);
    const rows = panel.locator('tbody tr');
    await expect
      .poll(
        () => rows.evaluateAll((all) => all.map((one) => [...one.children].map((cell) => cell.textContent))),
        deadline,
      )
      .toEqual([
        ['orders/1', '1970-01-01 00:00:40', '1 min', 'holds it back'],
        ['orders/2', '1970-01-01 00:01:10', '30 s', 'active'],
        ['orders/0', '1970-01-01 00:01:40', '0 ms', 'active'],
      ]);
    const facts = panel.locator('dl div');
    expect(
      await facts.evaluateAll((all) => all.map((one) => [...one.children].map((cell) => cell.textContent))),
    ).toEqual([
      ['Watermark', '1970-01-01 00:00:30'],
      ['Late', '1'],
      ['Partly late', '0'],
      ['No valid time', '1'],
    ]);
    expect(await tab.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    expect(await seriousViolations(tab)).toEqual([]);
  });

  it('says the status where a screen reader hears of changes, and obeys who wants no motion', async () => {
    for (const [reducedMotion, behaviour] of [
      ['no-preference', 'smooth'],
      ['reduce', 'auto'],
    ] as const) {
      const { tab, subscription } = await hangingPage({ reducedMotion });
      const statuses = () => tab.getByRole('status').allTextContents();
      // The fourth batch hangs, and those behind it soon wait for longer than the interval.
      expect(await statuses()).toContainEqual(expect.stringMatching(/^(Keeping up|Falling behind)$/));
      await tab.evaluate(`
        Element.prototype.scrollIntoView = (options) => { document.body.dataset.scrolled = options.behavior; };
      `);
      const plot = tab.locator('.plot').first();
      await plot.focus();
      await plot.press('Home');
      await plot.press('Enter');
      await expect.poll(() => tab.locator('body').getAttribute('data-scrolled'), deadline).toBe(behaviour);
      subscription.unsubscribe();
      await expect.poll(statuses, deadline).toContain('Stopped');
    }
  });

  it('has each chart as a table too, with a summary', async () => {
    const { tab } = await hangingPage();
    const cards = tab.locator('.charts section');
    expect(await cards.count()).toBe(4);
    for (const card of await cards.all()) {
      // Lines are told apart without their colours, too; areas lie on each other in the order of the legend.
      const strokes = await card
        .locator('.swatch')
        .evaluateAll((swatches) => swatches.map(({ classList }) => classList[1]).filter((stroke) => stroke !== 'area'));
      expect(new Set(strokes).size).toBe(strokes.length);
      expect(await card.locator('.summary').textContent()).toMatch(/^.{20,}\.$/);
      await card.getByRole('button', { name: /as a table$/ }).click();
      await expect.poll(() => card.locator('tbody tr').count(), deadline).toBe(3);
      // Rows are laid out as grids, and are rows of a table to a screen reader all the same.
      const rows = card.getByRole('table').getByRole('row');
      expect(await rows.count()).toBe(4);
      expect(await rows.last().getByRole('rowheader').count()).toBe(1);
      expect(await rows.last().getByRole('cell').count()).toBe(
        (await rows.first().getByRole('columnheader').count()) - 1,
      );
    }
  });

  it.each([
    [1440, 'light'],
    [1440, 'dark'],
    [390, 'light'],
    [390, 'dark'],
  ] as const)('is accessible, and nothing is cut off, at %i pixels, %s', async (width, colorScheme) => {
    const { tab } = await hangingPage({ viewport: { width, height: 900 }, colorScheme, reducedMotion: 'reduce' });
    await tab.locator('tbody[data-time] button').first().click();
    await tab.locator('.ranges').first().waitFor();
    expect(await tab.evaluate('document.documentElement.dataset.theme')).toBe(colorScheme);
    expect(await tab.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    expect(await seriousViolations(tab)).toEqual([]);
  });

  it('asks for the token where there is one, and keeps it out of the address', async () => {
    const token = 'correct-horse-battery';
    const board = await openBoard({ token });
    const { subscription } = hangingStream(board);
    closing.push(() => subscription.unsubscribe());
    const tab = await (await newContext()).newPage();
    await tab.goto(board.url);
    await tab.getByLabel('Token').fill('wrong-horse-battery');
    await tab.getByRole('button', { name: 'Open the board' }).click();
    await tab.getByText('This token is wrong.').waitFor();
    await tab.getByLabel('Token').fill(token);
    await tab.getByRole('button', { name: 'Open the board' }).click();
    await tab.locator('.figures').waitFor();

    const linked = await (await newContext()).newPage();
    await linked.goto(`${board.url}#token=${token}`);
    await linked.locator('.figures').waitFor();
    expect(linked.url()).not.toContain(token);
    await linked.reload();
    await linked.locator('.figures').waitFor();
    expect(await linked.evaluate('document.cookie')).toBe('');
  });

  it('is closed to another name of the host and to pages of other sites', async () => {
    const board = await openBoard();
    const { port } = new URL(board.url);
    const tab = await (await newContext()).newPage();
    expect((await tab.goto(`http://evil.example:${port}/`))?.status()).toBe(421);

    const other = createServer((_, response) =>
      response.setHeader('content-type', 'text/html').end('<title>other</title>'),
    );
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    closing.push(() => {
      other.close();
      other.closeAllConnections();
    });
    await tab.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
    const read = await tab.evaluate(
      `Promise.all([
        fetch('${board.url}api/streams').then((r) => r.text(), () => 'refused'),
        fetch('${board.url}api/streams', { mode: 'no-cors' }).then((r) => r.type + r.status, () => 'refused'),
        new Promise((resolve) => {
          const source = new EventSource('${board.url}api/events');
          source.onmessage = () => resolve('read');
          source.onerror = () => resolve('refused');
        }),
      ])`,
    );
    // Without CORS a page may send the request, and learns nothing of the answer: not even the status.
    expect(read).toEqual(['refused', expect.stringMatching(/^(opaque0|refused)$/), 'refused']);
  });

  it('does not call healthy what is silent, and says nothing in the title of a hidden tab', async () => {
    const { url, start, signal } = await killableProcess();
    await start();
    const tab = await (await newContext()).newPage();
    await tab.goto(url);
    const good = ['good', 'Keeping up', 'Keeping up · killed · dstream'];
    await expect.poll(() => verdictOn(tab), deadline).toEqual(good);
    // As a loop that blocks it: connections stay open.
    await signal('SIGSTOP');
    await tab.getByText('No update for 5 s').waitFor(deadline);
    await expect.poll(() => verdictOn(tab), deadline).toEqual(['warning', 'No update', 'No update · killed · dstream']);
    await signal('SIGCONT');
    await expect.poll(() => tab.getByText('No update').count(), deadline).toBe(0);

    const hide = (hidden: boolean) =>
      tab.evaluate(`
        Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      `);
    await hide(true);
    await expect.poll(() => tab.title(), deadline).toBe('killed · dstream');
    await hide(false);
    await expect.poll(async () => (await tab.title()).endsWith(' · killed · dstream'), deadline).toBe(true);
  });

  it('goes on without a gap after the process was killed and came back', async () => {
    const { url, start, signal } = await killableProcess();
    await start();
    const tab = await (await newContext()).newPage();
    await tab.goto(url);
    const times = () =>
      tab
        .locator('tbody[data-time]')
        .evaluateAll((all) => all.map((one) => Number(one.getAttribute('data-time'))).reverse());
    await expect.poll(async () => (await times()).length, deadline).toBeGreaterThan(5);
    const before = await times();
    await signal('SIGKILL');
    await tab.getByText('The process does not answer.').waitFor(deadline);
    await expect
      .poll(() => verdictOn(tab), deadline)
      .toEqual(['warning', 'Not connected', 'Not connected · killed · dstream']);
    const held = await times();
    expect(held.slice(0, before.length)).toEqual(before);
    const newest = held.at(-1) ?? 0;
    await start();
    await expect.poll(async () => (await times()).length, deadline).toBeGreaterThan(held.length + 20);
    await expect.poll(() => tab.getByText('The process does not answer.').isVisible(), deadline).toBe(false);
    const after = await times();
    const inSteps = (all: readonly number[]) => all.map((_, i) => (all[0] ?? 0) + 250 * i);
    expect(held).toEqual(inSteps(held));
    expect(after.filter((time) => time <= newest)).toEqual(held);
    const continued = after.filter((time) => time > newest);
    expect(continued).toEqual(inSteps(continued));
    // Rows of batches that completed within the quarter second before the kill may have died unsent with the process.
    expect((continued[0] ?? 0) - newest).toBeLessThanOrEqual(1_000);
  });
});
