// What windows by event time keep of each key in each pane that is open: bytes of the heap, and of arrays beside it. Prints them.

import { Subject } from 'rxjs';
import { sum } from '../../src/aggregators.js';
import { aggregateByKeyAndEventWindow, Batch, eventTime, mapRecords } from '../../src/index.js';
import { contextAt } from '../windows/context.js';

const keys = 100_000;
const paneMs = 1_000;

/** `open`: how many panes are. None of the windows closes. */
function bytesPerKeyAndPane(panesPerWindow: number, open: number): number {
  const source = new Subject<Batch<readonly [at: number, key: string]>>();
  const context = contextAt();
  source
    .pipe(
      eventTime({ timestamp: ([at]) => at, outOfOrderness: 1_000 * paneMs, future: Infinity }),
      mapRecords(([, key]) => [key, 1]),
      aggregateByKeyAndEventWindow(sum(), { window: panesPerWindow * paneMs, slide: paneMs }),
    )
    .subscribe();
  const names = Array.from({ length: keys }, (_, i) => `customer-${i}`);
  const pass = (pane: number, count: number): void => {
    const records = names.slice(0, count).map((key) => [pane * paneMs, key] as const);
    source.next(new Batch([{ index: 0, records }], context(pane)));
  };
  // The code is compiled, and its memory there, before it counts.
  for (let i = 0; i < 20; i++) pass(0, 1);
  const before = used();
  for (let pane = 0; pane < open; pane++) pass(pane, keys);
  const bytes = used() - before;
  if (names.length !== keys) throw new Error('the keys are no part of it');
  source.complete();
  return bytes / keys / open;
}

function used(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

console.log(bytesPerKeyAndPane(Number(process.argv[2]), Number(process.argv[3])));
