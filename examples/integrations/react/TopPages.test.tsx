import assert from 'node:assert/strict';
import { test } from 'node:test';
import { receiverBatches } from 'dstream';
import { JSDOM } from 'jsdom';
import { act, Component, type ReactNode, StrictMode } from 'react';
import { concatMap, delay, from, of, throwError, VirtualTimeScheduler } from 'rxjs';

const { window } = new JSDOM('<!doctype html><main></main>');
// Newer versions of Node have a navigator of their own.
const navigator = globalThis.navigator ?? window.navigator;
Object.defineProperty(globalThis, 'navigator', { value: navigator });
Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });
// They look for a document when they are loaded.
const { createRoot } = await import('react-dom/client');
const { TopPages } = await import('./TopPages.js');

const main = window.document.querySelector('main') as Element;
const shown = () => [...main.querySelectorAll('li')].map(({ textContent }) => textContent);

class Boundary extends Component<{ readonly children: ReactNode }, { readonly message: string }> {
  override state = { message: '' };
  static getDerivedStateFromError = ({ message }: Error) => ({ message });
  override render() {
    return this.state.message || this.props.children;
  }
}

test('shows the pages of the last ten seconds, batch by batch, in virtual time', () => {
  const scheduler = new VirtualTimeScheduler();
  const until = (ms: number) => {
    scheduler.maxFrames = ms;
    act(() => scheduler.flush());
  };
  const received = from([
    ['/', '/cart', '/'],
    ['/help', '/cart', '/cart'],
  ]).pipe(concatMap((pages) => of(...pages).pipe(delay(900, scheduler))));
  const clicks = receiverBatches(received, { interval: 1_000, scheduler });
  const root = createRoot(main);
  act(() => root.render(<TopPages clicks={clicks} />));
  assert.deepEqual(shown(), []);
  until(1_000);
  assert.deepEqual(shown(), ['/: 2', '/cart: 1']);
  until(2_000);
  assert.deepEqual(shown(), ['/cart: 3', '/: 2', '/help: 1']);
  act(() => root.unmount());
  assert.equal(clicks.snapshot()?.status, 'stopped');
});

test('subscribes again in strict mode, and shows an error in the next boundary', () => {
  const scheduler = new VirtualTimeScheduler();
  const failing = receiverBatches(
    throwError(() => new Error('the server is away')),
    { interval: 1_000, scheduler },
  );
  const root = createRoot(main);
  act(() =>
    root.render(
      <StrictMode>
        <Boundary>
          <TopPages clicks={failing} />
        </Boundary>
      </StrictMode>,
    ),
  );
  scheduler.maxFrames = 2_000;
  act(() => scheduler.flush());
  assert.match(main.textContent ?? '', /the server is away/);
  act(() => root.unmount());
});
