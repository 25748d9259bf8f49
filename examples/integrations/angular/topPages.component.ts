import { ChangeDetectionStrategy, Component, InjectionToken, inject } from '@angular/core';
import { toSignal } from '@angular/core/rxjs-interop';
import type { Batch } from 'dstream';
import type { Observable } from 'rxjs';
import { topPages } from './topPages.js';

/** The stream of clicks, which the application provides. */
export const CLICKS = new InjectionToken<Observable<Batch<string>>>('clicks');

/** A list that follows the stream: a change for each batch, not for each click. */
@Component({
  selector: 'top-pages',
  changeDetection: ChangeDetectionStrategy.OnPush,
  template: `
    <ol>
      @for (each of pages(); track each[0]) {
        <li>{{ each[0] }}: {{ each[1] }}</li>
      }
    </ol>
  `,
})
export class TopPages {
  /** Subscribed while the component lives. */
  protected readonly pages = toSignal(topPages(inject(CLICKS)), { initialValue: [] });
}
