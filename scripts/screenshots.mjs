// node scripts/screenshots.mjs [FOLDER [SECONDS]]: pictures of the dashboard on the demo with a slow output, wide and narrow, light
// and dark. Two of them are in docs/dashboard.md.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { freePorts } from './free-ports.mjs';
import { ensureInstalled, root } from './install.mjs';

ensureInstalled();
const [folder = join(root, 'docs/pictures/dashboard'), seconds = '96'] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const [port] = await freePorts(1);
const args = ['scripts/demo.mjs', '--dashboard', '--port', String(port), '--slow', '--speed', '4000'];
const demo = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
try {
  await pause(1_000 * Number(seconds));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  });
  for (const [name, width, height] of [
    ['wide', 1_440, 900],
    ['narrow', 390, 1_240],
  ]) {
    for (const colorScheme of ['light', 'dark']) {
      const page = await browser.newPage({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' });
      page.setDefaultTimeout(180_000);
      await page.goto(`http://127.0.0.1:${port}/`);
      // The pictures are to show an overload.
      await page.getByText(/^(Falling behind|Limiting the input)$/).waitFor();
      await page.locator('tbody[data-time] button').first().click();
      await page.locator('.opened').waitFor();
      await page.evaluate('scrollTo(0, 0)');
      if (name === 'wide') {
        // Not a `fullPage` picture: what is out of sight is not drawn.
        await page.setViewportSize({ width, height: await page.evaluate('document.documentElement.scrollHeight') });
        await pause(2_000);
      }
      await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`) });
      await page.close();
    }
  }
  await browser.close();
} finally {
  demo.kill('SIGTERM');
}
