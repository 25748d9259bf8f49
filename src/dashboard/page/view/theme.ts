import { element } from './element.js';

const key = 'dstream-theme';

/** The theme: that of the system until the reader chooses. */
export class Theme {
  readonly button: HTMLButtonElement;
  readonly #changed: () => void;
  readonly #system = matchMedia('(prefers-color-scheme: dark)');
  #chosen = localStorage.getItem(key);

  constructor(changed: () => void) {
    this.#changed = changed;
    this.button = element('button', {
      class: 'icon',
      attrs: { type: 'button' },
      onClick: () => this.#toggle(),
    });
    this.#system.addEventListener('change', () => this.#show());
    this.#show();
  }

  #toggle(): void {
    this.#chosen = this.#dark ? 'light' : 'dark';
    localStorage.setItem(key, this.#chosen);
    this.#show();
  }

  get #dark(): boolean {
    return this.#chosen === null ? this.#system.matches : this.#chosen === 'dark';
  }

  #show(): void {
    const [theme, next] = this.#dark ? ['dark', 'light'] : ['light', 'dark'];
    document.documentElement.dataset.theme = theme;
    this.button.textContent = this.#dark ? '☀' : '☾';
    this.button.setAttribute('aria-label', `Use the ${next} theme`);
    this.#changed();
  }
}

/** A color of the theme, for what is drawn on a canvas. */
export function themeColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
