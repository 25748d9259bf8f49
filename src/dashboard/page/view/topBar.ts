import type { StreamView } from '../../wire/streamView.js';
import { formatDuration, formatTime, plural } from '../model/format.js';
import type { Verdict } from '../model/verdict.js';
import { element, setText } from './element.js';

/** Name and status of the stream, the choice of streams, and how it does. */
export class TopBar {
  readonly root: HTMLElement;
  readonly verdict: HTMLElement;
  readonly #select: HTMLSelectElement;
  readonly #name = element('b', { class: 'stream-name' });
  readonly #status = element('span', { class: 'status' });
  readonly #interval = element('span', { class: 'muted' });
  /** Announced by screen readers when it changes; the detail changes with every batch. */
  readonly #headline = element('b', { attrs: { role: 'status' } });
  readonly #detail = element('span');
  readonly #notice = element('p', { class: 'notice', attrs: { role: 'status' } });
  #names = '';

  constructor(themeButton: HTMLButtonElement, chosen: (stream: string) => void) {
    this.#select = element('select', { attrs: { 'aria-label': 'Stream' } });
    this.#select.addEventListener('change', () => chosen(this.#select.value));
    this.#notice.hidden = true;
    this.root = element(
      'header',
      { class: 'top' },
      element('h1', { text: 'dstream' }),
      this.#select,
      this.#name,
      this.#status,
      this.#interval,
      element('span', { class: 'space' }),
      themeButton,
      this.#notice,
    );
    this.verdict = element('p', { class: 'verdict' }, this.#headline, ' ', this.#detail);
  }

  /** `current`: whether the view is of now. */
  update(streams: readonly string[], view: StreamView | undefined, verdict: Verdict, current: boolean): void {
    const names = JSON.stringify(streams);
    if (names !== this.#names) {
      this.#names = names;
      this.#select.replaceChildren(...streams.map((name) => element('option', { text: name, attrs: { value: name } })));
    }
    if (view && this.#select.value !== view.name) this.#select.value = view.name;
    this.#select.hidden = streams.length < 2;
    this.#name.hidden = streams.length !== 1;
    setText(this.#name, view?.name ?? '');
    setText(this.#status, view ? `${view.status} since ${formatTime(view.since, view.at)}` : 'no stream');
    this.#status.dataset.status = (current && view?.status) || 'none';
    const restarts = view && view.attempt > 0 ? ` · ${plural(view.attempt, 'failure', 'failures')} before` : '';
    setText(this.#interval, view ? `interval ${formatDuration(view.interval)}${restarts}` : '');
    this.verdict.dataset.level = verdict.level;
    setText(this.#headline, verdict.headline);
    setText(this.#detail, verdict.detail);
    this.title(view, document.hidden ? '' : `${verdict.headline} · `);
  }

  /** The title of the page, with or without how the stream does. */
  title(view: StreamView | undefined, headline = ''): void {
    const title = view ? `${headline}${view.name} · dstream` : 'dstream';
    // The browser reacts to each assignment, also to that of the same title.
    if (document.title !== title) document.title = title;
  }

  /** A sentence on the connection; '' for none. */
  notice(text: string): void {
    setText(this.#notice, text);
    this.#notice.hidden = text === '';
  }
}
