// node scripts/site-screenshots.mjs [FOLDER [PAGE...]]: pictures of pages of the built site, wide and narrow, light and dark, to be looked at: the
// first screen, and of the narrow ones the whole page. Fails where a page is wider than its screen.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { ensureInstalled, root } from './install.mjs';
import { serveSite } from './serve-site.mjs';

ensureInstalled();
const [folder = join(root, '.cache/screenshots'), ...named] = process.argv.slice(2);
const pages =
  named.length > 0
    ? named
    : [
        'index.html',
        'getting-started.html',
        'operators/reduceByKeyAndWindow.html',
        'backpressure.html',
        'api/core/foreachBatch.html',
        'examples/clickstream.html',
        'playground/index.html',
        'no/such/page.html',
      ];
const widths = [
  ['wide', 1_440, 900],
  ['narrow', 390, 844],
];
mkdirSync(folder, { recursive: true });
const site = await serveSite();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});

try {
  for (const [size, width, height] of widths) {
    for (const colorScheme of ['light', 'dark']) {
      const context = await browser.newContext({ viewport: { width, height }, colorScheme });
      for (const path of pages) {
        const page = await context.newPage();
        await page.goto(site.url + path, { waitUntil: 'networkidle' });
        // What moves has something to show by then.
        await page.waitForTimeout(/^(?:index|playground)/.test(path) ? 6_000 : 300);
        const file = join(folder, `${path.replace(/\.html$/, '').replaceAll('/', '-')}-${size}-${colorScheme}.png`);
        await page.screenshot({ path: file, fullPage: size === 'narrow' && colorScheme === 'light' });
        console.log(file);
        const excess = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        if (excess > 0) {
          console.log(`  ${excess} pixels wider than the screen`);
          process.exitCode = 1;
        }
        await page.close();
      }
      await context.close();
    }
  }
} finally {
  await browser.close();
  site.close();
}
