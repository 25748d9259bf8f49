import type { Browser, Locator, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { hasChromium, seriousViolations } from '../support/chromium.js';
import { siteInBrowser } from './siteInBrowser.js';

const deadline = { timeout: 300_000 };

describe.skipIf(!hasChromium)('the live picture of event time', () => {
  const site = siteInBrowser();

  async function open(options: Parameters<Browser['newPage']>[0]): Promise<{ page: Page; figure: Locator }> {
    const page = await site.browser.newPage({ reducedMotion: 'reduce', ...options });
    page.setDefaultTimeout(deadline.timeout);
    await page.goto(`${site.url}event-time.html`);
    const figure = page.getByRole('figure', { name: /^Try it/ });
    await figure.scrollIntoViewIfNeeded();
    await figure.getByText(/^Windows: 0 to 10 s: \d+/).waitFor(deadline);
    return { page, figure };
  }
  const results = (figure: Locator) => figure.locator('.event-time-result').textContent();
  const countsOf = async (figure: Locator) =>
    /Windows: [^.]*\. \d+ records? (?:is|are) late\./.exec((await results(figure)) ?? '')?.[0];

  it('is played by the keyboard: the rate and a crash leave the results, and outOfOrderness does not', async () => {
    const { page, figure } = await open({ viewport: { width: 1_440, height: 900 } });
    const before = await countsOf(figure);
    const rate = figure.getByRole('slider', { name: 'Rate' });
    await rate.press('End');
    await figure.getByText('With 6 records a batch without a crash the results are the same.').waitFor(deadline);
    expect(await rate.getAttribute('aria-valuetext')).toBe('24 records a batch');
    await rate.press('Home');
    await expect.poll(() => figure.locator('.event-time-scroll').textContent(), deadline).toMatch(/batch 4\d/);
    const crash = figure.getByRole('button', { name: 'Crash in batch 4' });
    await crash.press('Enter');
    await figure.getByText('Batch 4 failed and ran again.').waitFor(deadline);
    expect(await crash.getAttribute('aria-pressed')).toBe('true');
    expect(await countsOf(figure)).toBe(before);
    await figure.getByRole('slider', { name: 'outOfOrderness' }).press('Home');
    await expect.poll(() => countsOf(figure), deadline).not.toBe(before);
    await figure.getByRole('button', { name: 'Reset' }).press('Space');
    await expect.poll(() => results(figure), deadline).toBe(before);
    await page.close();
  });

  it('goes on without a partition that is idle, whose old records are late when it comes back', async () => {
    const { page, figure } = await open({ viewport: { width: 1_440, height: 900 } });
    const back = figure.getByRole('button', { name: 'It comes back' });
    expect(await back.isDisabled()).toBe(true);
    await figure.getByRole('button', { name: 'Partition 1 goes idle' }).press('Enter');
    await figure.getByText(/20 to 30 s: (?:10|[1-9]),/).waitFor(deadline);
    await back.press('Enter');
    await figure.getByText(/[1-9]\d* records are late/).waitFor(deadline);
    await page.close();
  });

  it.each(['light', 'dark'] as const)('has nothing serious for axe in %s, and fits a phone', async (colorScheme) => {
    for (const width of [360, 1_440]) {
      const { page } = await open({ viewport: { width, height: 800 }, colorScheme });
      expect(await seriousViolations(page)).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
      await page.close();
    }
  });
});
