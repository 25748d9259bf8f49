import { describe, expect, it } from 'vitest';
import { hasChromium } from '../support/chromium.js';
import { readPage, sitePages } from './builtSite.js';
import { siteInBrowser } from './siteInBrowser.js';

const looked = ['index.html', 'tutorial.html', 'operators/reduceByKeyAndWindow.html', 'api/core/foreachBatch.html'];

/** Where each element of the first screen is, and how it looks. Runs in the page. */
const picture = `[...document.querySelectorAll('body *')]
  .map((element) => ({ element, box: element.getBoundingClientRect() }))
  .filter(({ box }) => box.width > 0 && box.top < innerHeight && box.left < innerWidth && box.right > 0 && box.bottom > 0)
  .map(({ element, box }) => {
    const { color, backgroundColor, fontSize, fontWeight, opacity, visibility } = getComputedStyle(element);
    const at = [box.left, box.top, box.width, box.height].map(Math.round).join(' ');
    return [element.localName, element.className, at, color, backgroundColor, fontSize, fontWeight, opacity, visibility].join(' | ');
  })`;

it('no page waits for anything before it shows its text', () => {
  for (const page of sitePages()) {
    const [, head = ''] = /<head>([\s\S]*?)<\/head>/.exec(readPage(page)) ?? [];
    const blocking = [
      ...head.replaceAll(/<noscript>.*?<\/noscript>/g, '').matchAll(/<(?:script [^>]*src|link [^>]*)[^>]*>/g),
    ]
      .map(([tag]) => tag)
      .filter((tag) => !/rel="(?:icon|canonical)"/.test(tag) && !/rel="stylesheet"[^>]* media="print"/.test(tag));
    expect([page, blocking]).toEqual([page, []]);
  }
});

// Debian's chromium: .ci/run installs it. Elsewhere the test says that it was left out.
describe.skipIf(!hasChromium)('the first picture of a page', () => {
  const site = siteInBrowser();

  it.each([
    [1_440, 'light'],
    [390, 'dark'],
  ] as const)('is the same before the style sheet and after it, %i pixels wide, %s', async (width, colorScheme) => {
    for (const path of looked) {
      const pictures: unknown[] = [];
      for (const blocked of [/\.(?:woff2?|css)$/, /\.woff2?$/]) {
        const page = await site.browser.newPage({
          viewport: { width, height: 900 },
          colorScheme,
          reducedMotion: 'reduce',
        });
        page.setDefaultTimeout(120_000);
        // Without the scripts of the site nothing changes but for the style sheet.
        await page.route(/\.js$|\.woff2?$|\.css$/, (route, request) =>
          blocked.test(request.url()) || request.url().endsWith('.js') ? route.abort() : route.continue(),
        );
        await page.goto(site.url + path);
        if (pictures.length === 1)
          await page.waitForFunction(`document.querySelector('link[rel=stylesheet]').media === 'all'`);
        pictures.push(await page.evaluate(picture));
        await page.close();
      }
      expect((pictures[0] as readonly unknown[]).length).toBeGreaterThan(30);
      expect(pictures[0], path).toEqual(pictures[1]);
    }
  });
});
