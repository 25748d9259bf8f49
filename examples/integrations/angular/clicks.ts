import type { FactoryProvider } from '@angular/core';
import { receiverBatches } from 'dstream';
import { webSocket } from 'rxjs/webSocket';
import { CLICKS } from './topPages.component.js';

/** For the providers of the application: the pages that visitors open, from a server. */
export const provideClicks = (url: string): FactoryProvider => ({
  provide: CLICKS,
  useFactory: () =>
    receiverBatches(webSocket<string>(url), {
      interval: 1_000,
      overflow: 'drop-oldest',
      restart: { delay: 500, onClose: 'restart' },
    }),
});
