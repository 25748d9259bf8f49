import { formatDuration } from '../../../src/dashboard/page/model/format.js';
import { element, setText } from '../../../src/dashboard/page/view/element.js';

export const speeds = [1, 10, 100] as const;
export type Speed = (typeof speeds)[number];

/** What the buttons do. */
export interface RunActions {
  pause(): void;
  restart(): void;
  speed(speed: Speed): void;
  slow(): void;
  away(): void;
  fail(): void;
  crash(): void;
  stop(): void;
}

/** What the buttons show. */
export interface RunState {
  /** Since the start of the run, in ms. */
  readonly elapsed: number;
  readonly paused: boolean;
  readonly speed: Speed;
  /** The speed that this machine reaches, where it is less. */
  readonly reached: number | undefined;
  readonly slow: boolean;
  readonly away: boolean;
  readonly stopped: boolean;
}

/** Time, speed, and what can happen to a stream. */
export class RunBar {
  readonly root: HTMLElement;
  readonly #elapsed = element('span', { class: 'elapsed' });
  readonly #reached = element('span', { class: 'muted' });
  readonly #pause: HTMLButtonElement;
  readonly #speeds: readonly (readonly [Speed, HTMLButtonElement])[];
  readonly #slow: HTMLButtonElement;
  readonly #away: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;

  constructor(actions: RunActions) {
    const button = (text: string, onClick: () => void, title = '') =>
      element('button', { class: 'action', text, attrs: { type: 'button', title }, onClick });
    this.#pause = button('Pause', actions.pause);
    this.#speeds = speeds.map((speed) => [speed, button(`×${speed}`, () => actions.speed(speed))]);
    this.#slow = button('Output 3 times slower', actions.slow);
    this.#away = button('Broker away for 5 s', actions.away);
    this.#stop = button('Stop gracefully', actions.stop, 'Finishes what was planned and plans no more');
    this.root = element(
      'div',
      { class: 'run card' },
      element(
        'div',
        { class: 'group', attrs: { role: 'group', 'aria-label': 'Time' } },
        this.#elapsed,
        this.#pause,
        button('Begin again', actions.restart),
        ...this.#speeds.map(([, one]) => one),
        this.#reached,
      ),
      element(
        'div',
        { class: 'group', attrs: { role: 'group', 'aria-label': 'What happens' } },
        this.#slow,
        this.#away,
        button('Output fails once', actions.fail, 'The stream starts again by itself and does the batch again'),
        button(
          'Crash and recover',
          actions.crash,
          'The process dies; another one goes on with its checkpoint after 3 s',
        ),
        this.#stop,
      ),
    );
  }

  update({ elapsed, paused, speed, reached, slow, away, stopped }: RunState): void {
    setText(this.#elapsed, formatDuration(Math.floor(elapsed / 1_000) * 1_000));
    setText(this.#reached, reached === undefined ? '' : `×${reached} is what this machine reaches`);
    setText(this.#pause, paused ? 'Go on' : 'Pause');
    for (const [one, button] of this.#speeds) press(button, one === speed);
    press(this.#slow, slow);
    press(this.#away, away);
    setText(this.#stop, stopped ? 'Start' : 'Stop gracefully');
  }
}

function press(button: HTMLButtonElement, pressed: boolean): void {
  button.setAttribute('aria-pressed', String(pressed));
}
