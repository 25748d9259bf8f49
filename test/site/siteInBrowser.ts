import type { Browser } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { launchChromium } from '../support/chromium.js';
import { serveSite } from './builtSite.js';

/** The built site, and a browser to look at it: there from before the first test of the `describe` until after its last one. */
export function siteInBrowser(): { readonly browser: Browser; readonly url: string } {
  let opened: { readonly site: Awaited<ReturnType<typeof serveSite>>; readonly browser: Browser } | undefined;
  const now = () => {
    if (opened) return opened;
    throw new Error('the site is there for tests and hooks only');
  };
  beforeAll(async () => {
    const site = await serveSite();
    // Where there is no browser, the site is not left open.
    const browser = await launchChromium().catch((error: unknown) => {
      site.close();
      throw error;
    });
    opened = { site, browser };
  });
  afterAll(async () => {
    await opened?.browser.close();
    opened?.site.close();
  });
  return {
    get browser() {
      return now().browser;
    },
    get url() {
      return now().site.url;
    },
  };
}
