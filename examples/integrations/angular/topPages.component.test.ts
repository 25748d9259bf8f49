// Compiles components as they are loaded; the Angular CLI does it at build.
import '@angular/compiler';
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { JSDOM } from 'jsdom';
import { concatMap, delay, from, of, throwError, VirtualTimeScheduler } from 'rxjs';

const { window } = new JSDOM('<!doctype html><main></main>');
const { document, Node, Event } = window;
Object.assign(globalThis, { window, document, Node, Event });
// They look for a document when they are loaded.
const { provideZonelessChangeDetection } = await import('@angular/core');
const { TestBed } = await import('@angular/core/testing');
const { BrowserTestingModule, platformBrowserTesting } = await import('@angular/platform-browser/testing');
const { receiverBatches } = await import('dstream');
const { CLICKS, TopPages } = await import('./topPages.component.js');

TestBed.initTestEnvironment(BrowserTestingModule, platformBrowserTesting());
afterEach(() => TestBed.resetTestingModule());

function render(clicks: ReturnType<typeof receiverBatches<string>>) {
  const providers = [provideZonelessChangeDetection(), { provide: CLICKS, useValue: clicks }];
  TestBed.configureTestingModule({ imports: [TopPages], providers });
  const fixture = TestBed.createComponent(TopPages);
  const items = () => [...(fixture.nativeElement as Element).querySelectorAll('li')];
  return {
    shown() {
      fixture.detectChanges();
      return items().map(({ textContent }) => textContent);
    },
    destroy: () => fixture.destroy(),
  };
}

test('shows the pages of the last ten seconds, batch by batch, in virtual time', () => {
  const scheduler = new VirtualTimeScheduler();
  const received = from([
    ['/', '/cart', '/'],
    ['/help', '/cart', '/cart'],
  ]).pipe(concatMap((pages) => of(...pages).pipe(delay(900, scheduler))));
  const clicks = receiverBatches(received, { interval: 1_000, scheduler });
  const page = render(clicks);
  assert.deepEqual(page.shown(), []);
  scheduler.maxFrames = 1_000;
  scheduler.flush();
  assert.deepEqual(page.shown(), ['/: 2', '/cart: 1']);
  scheduler.maxFrames = 2_000;
  scheduler.flush();
  assert.deepEqual(page.shown(), ['/cart: 3', '/: 2', '/help: 1']);
  page.destroy();
  assert.equal(clicks.snapshot()?.status, 'stopped');
});

test('throws an error of the stream where the template reads the signal', () => {
  const scheduler = new VirtualTimeScheduler();
  const page = render(
    receiverBatches<string>(
      throwError(() => new Error('the server is away')),
      { interval: 1_000, scheduler },
    ),
  );
  scheduler.maxFrames = 2_000;
  scheduler.flush();
  assert.throws(() => page.shown(), /the server is away/);
});
