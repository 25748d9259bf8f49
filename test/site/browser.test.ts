import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import type { BrowserContext, Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { hasChromium, seriousViolations } from '../support/chromium.js';
import { nightly } from '../support/nightly.js';
import { dist, readPage, sitePages } from './builtSite.js';
import { siteInBrowser } from './siteInBrowser.js';

const deadline = { timeout: 300_000 };

/** The examples of a page, without the exercises, whose solutions are not on it. */
function examplesOf(page: string): readonly { readonly name: string; readonly code: string }[] {
  const [, ...blocks] = readPage(page).split(/<div(?: id="[^"]*")? class="run-block"/);
  return blocks.flatMap((block, i) => {
    const [, html] = /<pre[^>]*><code>([\s\S]*?)<\/code><\/pre>/.exec(block) ?? [];
    if (html === undefined) throw new Error(`${page}, block ${i + 1} has no code`);
    return { name: `${page}, block ${i + 1}`, code: textOf(html) };
  });
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  '#x26': '&',
  '#x3C': '<',
};
const textOf = (html: string): string =>
  html.replaceAll(/<[^>]*>/g, '').replaceAll(/&(#?\w+);/g, (whole, name) => entities[name] ?? whole);

const runnable = sitePages().filter((page) => page !== 'tutorial.html' && readPage(page).includes('class="run-block"'));

// Debian's chromium: .ci/run installs it. Elsewhere the test says that it was left out.
describe.skipIf(!hasChromium)('the site in a browser', () => {
  const site = siteInBrowser();
  let context: BrowserContext;
  /** In which an example has minutes, because the machine may have other work. */
  let unhurried: BrowserContext;
  /** Errors of pages, and requests to other hosts. */
  const problems: string[] = [];

  beforeAll(async () => {
    context = await site.browser.newContext({ viewport: { width: 1_440, height: 900 } });
    unhurried = await site.browser.newContext({ viewport: { width: 1_440, height: 900 } });
    await unhurried.addInitScript('globalThis.exampleTimeLimitMs = 120_000');
  });

  async function open(path: string, from = context): Promise<Page> {
    const page = await from.newPage();
    page.setDefaultTimeout(deadline.timeout);
    page.setDefaultNavigationTimeout(deadline.timeout);
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(site.url) && !/^(?:data|blob|about):/.test(url)) problems.push(`${path} asks for ${url}`);
    });
    page.on('pageerror', (error) => problems.push(`${path}: ${error}`));
    await page.goto(site.url + path);
    return page;
  }

  /** Opens a page in a tab and runs its blocks, one after the other. Returns what differs from the page. */
  async function runBlocksOf(path: string, page: Page): Promise<readonly string[]> {
    await page.goto(site.url + path);
    const wrong: string[] = [];
    const blocks = page.locator('.run-block');
    const count = await blocks.count();
    for (let i = 0; i < count; i++) {
      const block = blocks.nth(i);
      // An exercise has a gap, and prints what the page says with its solution.
      const solution = block.getByRole('button', { name: 'Show the solution' });
      if ((await solution.count()) > 0) {
        await solution.click();
        await block.locator('.cm-content').waitFor(deadline);
      }
      await block.getByRole('button', { name: 'Run' }).click();
      const ended = `document.querySelectorAll('.run-block')[${i}]?.dataset.state === 'ended'`;
      await page.waitForFunction(ended, undefined, deadline);
      const status = await block.getByRole('status').textContent();
      if (['Prints what the page says', 'Solved', 'Ended'].includes(status ?? '')) continue;
      const output = (await block.locator('.run-output').allInnerTexts()).join('\n');
      wrong.push(`${path}, block ${i + 1}: ${status}\n${output}`);
    }
    return wrong;
  }

  it('every example of the site prints what the page says, in a worker as the site starts it', async () => {
    const examples = runnable.flatMap(examplesOf);
    expect(runnable.length).toBeGreaterThan(150);
    expect(examples.length).toBeGreaterThan(200);
    const { outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL('../../docs/.vitepress/run/runExample.ts', import.meta.url))],
      bundle: true,
      write: false,
    });
    const [sandbox = ''] = readdirSync(join(dist, 'assets')).filter((file) => /^sandbox\..*\.js$/.test(file));
    const queue = [...examples];
    const wrong: string[] = [];
    const work = async () => {
      const page = await unhurried.newPage();
      await page.evaluate('globalThis.exampleTimeLimitMs = 120_000');
      await page.addScriptTag({ content: outputFiles[0]?.text ?? '' });
      await page.evaluate(
        `globalThis.sandbox = ${JSON.stringify(readFileSync(join(dist, 'assets', sandbox), 'utf8'))}`,
      );
      for (let example = queue.shift(); example !== undefined; example = queue.shift()) {
        const found = await page.evaluate(`runExample(sandbox, ${JSON.stringify(example.code)})`);
        wrong.push(...(found as readonly string[]).map((line) => `${example.name}: ${line}`));
      }
      await page.close();
    };
    await Promise.all([work(), work()]);
    expect(wrong).toEqual([]);
  });

  // A few pages, and nightly all: with the buttons that a reader has.
  const tried = runnable.filter((_, i) => nightly || i % 25 === 0);
  it(`Run says so on ${tried.length} pages`, async () => {
    expect(tried.length).toBeGreaterThan(5);
    const queue = [...tried];
    const wrong: string[] = [];
    const work = async () => {
      const page = await open('concepts.html', unhurried);
      for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
        wrong.push(...(await runBlocksOf(path, page)));
      }
      await page.close();
    };
    await Promise.all([work(), work()]);
    expect(wrong).toEqual([]);
  });

  it('the tutorial: no step is solved with its gap, each is with its solution, and progress stays', async () => {
    const page = await open('tutorial.html', unhurried);
    const blocks = page.locator('.run-block');
    const count = await blocks.count();
    expect(count).toBe(await page.locator('.progress li').count());
    const ended = (i: number) => `document.querySelectorAll('.run-block')[${i}]?.dataset.state === 'ended'`;
    for (let i = 0; i < count; i++) {
      await blocks.nth(i).getByRole('button', { name: 'Run' }).click();
      await page.waitForFunction(ended(i), undefined, deadline);
      expect([i + 1, await blocks.nth(i).getByRole('status').textContent()]).not.toEqual([i + 1, 'Solved']);
    }
    await page.getByText(`0 of ${count} solved`).waitFor(deadline);
    expect(await runBlocksOf('tutorial.html', page)).toEqual([]);
    await page.getByText('All steps are solved.').waitFor(deadline);
    await page.reload();
    await page.getByText('All steps are solved.').waitFor(deadline);
    await page.getByRole('button', { name: 'Begin again' }).click();
    await page.getByText(`0 of ${count} solved`).waitFor(deadline);
    await page.close();
  });

  it('runs in real time, too', async () => {
    const page = await open('operators/mapRecords.html', unhurried);
    const block = page.locator('.run-block').first();
    await block.getByLabel('in real time').check();
    await block.getByRole('button', { name: 'Run' }).click();
    await block.getByText('Prints what the page says').waitFor(deadline);
    await page.close();
  });

  it('the picture of the home page runs by itself while it is seen, and its slider bends the rate', async () => {
    const page = await site.browser.newPage({ viewport: { width: 390, height: 400 } });
    page.setDefaultTimeout(deadline.timeout);
    const loaded: string[] = [];
    page.on('request', (request) => loaded.push(request.url()));
    const runs = () => loaded.some((url) => /\/runLoop\./.test(url));
    await page.goto(site.url, { waitUntil: 'networkidle' });
    const loop = page.locator('.loop');
    // Below the first screen.
    await loop.getByRole('button', { name: 'Pause' }).waitFor({ state: 'attached', ...deadline });
    expect(runs()).toBe(false);
    await loop.locator('.loop-controls').scrollIntoViewIfNeeded();
    await loop.getByText('The output keeps up').waitFor(deadline);
    await loop.getByLabel(/^Cost of the output/).focus();
    await page.keyboard.press('End');
    await loop.getByText('200 ms a record').waitFor(deadline);
    await loop.getByText('The output is too slow for the input').waitFor(deadline);
    expect(runs()).toBe(true);
    await page.keyboard.press('Home');
    await loop.getByText('The output catches up').waitFor(deadline);
    // Whatever the lengths of the bars are, no number lies on one.
    for (const row of await loop.locator('.loop-count').all()) {
      const number = await row.locator('.loop-number').boundingBox();
      const bar = await row.locator('rect').boundingBox();
      expect((number?.x ?? Number.NaN) + (number?.width ?? Number.NaN)).toBeLessThan(bar?.x ?? Number.NaN);
    }
    await loop.getByRole('button', { name: 'Pause' }).press('Enter');
    await loop.getByRole('button', { name: 'Play' }).waitFor(deadline);
    await page.close();
  });

  it('the picture of the home page stands still for readers who want no motion, until they start it', async () => {
    const page = await site.browser.newPage({ viewport: { width: 1_440, height: 900 }, reducedMotion: 'reduce' });
    page.setDefaultTimeout(deadline.timeout);
    const loaded: string[] = [];
    page.on('request', (request) => loaded.push(request.url()));
    await page.goto(site.url, { waitUntil: 'networkidle' });
    const play = page.locator('.loop').getByRole('button', { name: 'Play' });
    await play.waitFor(deadline);
    expect(loaded.filter((url) => /\/runLoop\./.test(url))).toEqual([]);
    const [begins] = await Promise.all([page.waitForRequest(/\/runLoop\./), play.click()]);
    expect(begins.url()).toContain(site.url);
    await page.close();
  });

  it('marks what differs from the page', async () => {
    const page = await open('operators/mapRecords.html');
    const block = page.locator('.run-block').first();
    await edit(page, (code) => code.replace('// => ', '// => not '));
    await block.getByRole('button', { name: 'Run' }).click();
    await block.getByText('Prints something else than the page says').waitFor(deadline);
    expect(await block.locator('tr[data-same="false"]').count()).toBeGreaterThan(0);
    await page.close();
  });

  /** Opens the editor of the first block and replaces its code. */
  async function edit(page: Page, change: (code: string) => string): Promise<string> {
    const block = page.locator('.run-block').first();
    await block.getByRole('button', { name: 'Edit' }).click();
    const content = block.locator('.cm-content');
    await content.waitFor(deadline);
    const lines = await content.locator('.cm-line').allInnerTexts();
    const code = change(lines.map((line) => line.replaceAll('\u00a0', ' ').replace(/^\n$/, '')).join('\n'));
    await content.focus();
    await page.keyboard.press('Control+A');
    await page.keyboard.insertText(code);
    return code;
  }

  it('stops a program that never ends', async () => {
    const page = await open('operators/mapRecords.html');
    await edit(page, () => 'for (;;) {}');
    await page.keyboard.press('Control+Enter');
    await page.locator('.run-error').getByText('Stopped after 5 seconds.').waitFor(deadline);
    await page.close();
  });

  it('opens an edited example from its link as it was', async () => {
    const page = await open('operators/mapRecords.html');
    const code = await edit(page, (old) => `${old}\n// häns’ 日本`);
    await page.getByRole('button', { name: 'Copy link' }).click();
    await page.getByRole('button', { name: 'Link copied' }).waitFor(deadline);
    const link = page.url();
    expect(link).toContain('#run-1=');
    await page.close();
    const other = await open(link.slice(site.url.length));
    const content = other.locator('.run-block').first().locator('.cm-content');
    await content.waitFor(deadline);
    const lines = await content.locator('.cm-line').allInnerTexts();
    expect(lines.map((line) => line.replaceAll('\u00a0', ' ').replace(/^\n$/, '')).join('\n')).toBe(code);
    await other.close();
  });

  it('loads editor, compiler and library on the first click only', async () => {
    const page = await open('concepts.html');
    const loaded: string[] = [];
    page.on('request', (request) => loaded.push(request.url()));
    await page.goto(`${site.url}operators/mapRecords.html`);
    await page.waitForLoadState('networkidle');
    const isLate = (url: string) => /\/(?:sandbox|editor|transform)\.[^/]*\.js$/.test(url);
    expect(loaded.length).toBeGreaterThan(3);
    expect(loaded.filter(isLate)).toEqual([]);
    const block = page.locator('.run-block').first();
    await block.getByRole('button', { name: 'Run' }).click();
    await page.locator('.run-block[data-state="ended"]').waitFor(deadline);
    await block.getByRole('button', { name: 'Edit' }).click();
    await block.locator('.cm-content').waitFor(deadline);
    expect(new Set(loaded.filter(isLate)).size).toBeGreaterThan(1);
    await page.close();
  });

  it('the first load of the playground is less than 250 KB, fonts included', async () => {
    const page = await site.browser.newPage();
    page.setDefaultTimeout(deadline.timeout);
    const loaded: { readonly url: string; readonly bytes: number }[] = [];
    const sizes: Promise<void>[] = [];
    page.on('response', (response) => {
      const size = async () => {
        const body = await response.body();
        // A host compresses text, and no fonts.
        const bytes = /\.woff2$/.test(response.url()) ? body.length : gzipSync(body).length;
        loaded.push({ url: response.url(), bytes });
      };
      sizes.push(size());
    });
    await page.goto(`${site.url}playground/index.html`, { waitUntil: 'networkidle' });
    await Promise.all(sizes);
    expect(loaded.length).toBeGreaterThan(2);
    expect(loaded.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(250_000);
    await page.close();
  });

  it('shows the type of a name that the reader points at', async () => {
    const page = await open('operators/mapRecords.html');
    const name = page.locator('.run-block [data-type]', { hasText: /^mapRecords$/ }).last();
    const tip = page.getByRole('tooltip');
    const isShown = async () => {
      await page.mouse.move(0, 0);
      await name.hover(deadline);
      return tip.isVisible();
    };
    // Pointed at again where the script of the page came later, or the scrolling there hid it.
    await expect.poll(isShown, deadline).toBe(true);
    expect(await tip.textContent()).toContain('mapRecords');
    await page.keyboard.press('Escape');
    expect(await tip.isVisible()).toBe(false);
    await page.close();
  });

  for (const [path, name] of [
    ['operators.html', 'A window slides over batches'],
    ['backpressure.html', 'An output that is slow for a while'],
    ['event-time.html', 'A watermark closes windows'],
    ['checkpoints.html', 'A crash between output and checkpoint'],
  ] as const) {
    it(`${path}: the reader steps through a diagram, by mouse and by keyboard`, async () => {
      const page = await open(path);
      const diagram = page.getByRole('figure', { name });
      const text = diagram.getByRole('status');
      const all = await diagram.locator('details li').allTextContents();
      expect(all.length).toBeGreaterThan(3);
      expect(await text.textContent()).toBe(all[0]);
      await diagram.getByRole('button', { name: 'Next' }).click();
      await diagram.getByText(`2 / ${all.length}`).waitFor(deadline);
      expect(await text.textContent()).toBe(all[1]);
      await diagram.locator('.steps-scroll').press('End');
      await diagram.getByText(`${all.length} / ${all.length}`).waitFor(deadline);
      expect(await text.textContent()).toBe(all.at(-1));
      expect(await diagram.getByRole('button', { name: 'Next' }).isDisabled()).toBe(true);
      await diagram.locator('.steps-scroll').press('ArrowLeft');
      await diagram.getByText(`${all.length - 1} / ${all.length}`).waitFor(deadline);
      await page.close();
    });
  }

  it('on a phone a diagram scrolls to the column of its step', async () => {
    const page = await site.browser.newPage({ viewport: { width: 390, height: 844 } });
    page.setDefaultTimeout(deadline.timeout);
    await page.goto(`${site.url}backpressure.html`);
    const diagram = page.getByRole('figure', { name: 'An output that is slow for a while' });
    await diagram.locator('.steps-scroll').press('End');
    const scrolled = () => page.evaluate("document.querySelector('.steps-scroll').scrollLeft");
    await expect.poll(scrolled, deadline).toBeGreaterThan(50);
    await diagram.locator('.steps-scroll').press('Home');
    await expect.poll(scrolled, deadline).toBe(0);
    await page.close();
  });

  it('on a wide screen the outline of a page opens from the bar, beside the search', async () => {
    const page = await open('kafka.html');
    const outline = page.getByRole('button', { name: 'On this page' });
    const search = await page.locator('#local-search').boundingBox();
    const place = await outline.boundingBox();
    expect(place?.x).toBeGreaterThan((search?.x ?? Number.NaN) + (search?.width ?? Number.NaN));
    expect(place?.y).toBeLessThan((search?.y ?? Number.NaN) + (search?.height ?? Number.NaN));
    await outline.click();
    const link = page.locator('.VPLocalNav a.outline-link').last();
    const hash = await link.getAttribute('href');
    await link.click();
    await page.waitForURL(`**${hash}`);
    await page.close();
  });

  it('moves from page to page and back, and each has its content', async () => {
    const page = await open('api/core/BatchInfo.html');
    const heading = (name: string) => page.locator('.vp-doc h1', { hasText: name }).waitFor(deadline);
    await page.locator('.VPNavBar.has-sidebar').waitFor(deadline);
    const text = await page.locator('.vp-doc').innerText();
    // Without loading the site again, which would lose this.
    await page.evaluate('globalThis.stays = true');
    await page.locator('.vp-doc').getByRole('link', { name: 'EventTimeCounts' }).first().click();
    await heading('EventTimeCounts');
    await page.locator('.VPNavBarMenu').getByRole('link', { name: 'Operators' }).click();
    await heading('Operators');
    await page.goBack();
    await heading('EventTimeCounts');
    await page.goBack();
    await heading('BatchInfo');
    expect(await page.locator('.vp-doc').innerText()).toBe(text);
    expect(await page.evaluate('globalThis.stays')).toBe(true);
    await page.close();
  });

  it('searches for an address that has no page', async () => {
    const page = await open('operators/reducebykey');
    await page.getByRole('heading', { name: 'There is no page at this address' }).waitFor(deadline);
    await page.locator('.not-found').getByRole('link', { name: 'reduceByKey', exact: true }).first().waitFor(deadline);
    await page.close();
  });

  const looked = [
    'index.html',
    'getting-started.html',
    'concepts.html',
    'operators.html',
    'operators-in-pictures.html',
    'operators/reduceByKeyAndWindow.html',
    'backpressure.html',
    'examples/clickstream.html',
    'kafka.html',
    'observability.html',
    'benchmarks.html',
    'api/index.html',
    'api/core/foreachBatch.html',
  ];
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of nightly ? [1_440, 390] : [colorScheme === 'light' ? 390 : 1_440]) {
      it(`axe finds nothing serious in ${colorScheme}, ${width} pixels wide, and nothing is cut off`, async () => {
        const own = await site.browser.newContext({
          viewport: { width, height: 900 },
          colorScheme,
          reducedMotion: 'reduce',
        });
        const found: string[] = [];
        // Half of the pages in each, and nightly all.
        const half = looked.filter((_, i) => nightly || (i % 2 === 0) === (colorScheme === 'light'));
        for (const path of half) {
          const page = await open(path, own);
          for (const [rule, [first = '', ...others]] of await seriousViolations(page)) {
            found.push(`${path}: ${rule} ${others.length + 1} ${first.slice(0, 160)}`);
          }
          const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
          if ((wide as number) > 0) found.push(`${path} is ${wide} pixels wider than the screen`);
          await page.close();
        }
        await own.close();
        expect(found).toEqual([]);
      });
    }
  }

  it('asks no other host for anything, and no page fails', () => {
    expect(problems).toEqual([]);
  });
});
