import { element } from './element.js';

/** The theme: that of the system until the reader chooses. */
export class Theme {
  readonly button: HTMLButtonElement;
  readonly #changed: () => void;
  readonly #system = matchMedia('(prefers-color-scheme: dark)');
  readonly #key: string;
  #chosen: string | null;

  /** The choice is stored under `key`. */
  constructor(changed: () => void, key = 'dstream-theme') {
    this.#changed = changed;
    this.#key = key;
    this.#chosen = localStorage.getItem(key);
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
    localStorage.setItem(this.#key, this.#chosen);
    this.#show();
  }

  get #dark(): boolean {
    return this.#chosen === 'dark' || (this.#chosen !== 'light' && this.#system.matches);
  }

  #show(): void {
    const [theme, next] = this.#dark ? ['dark', 'light'] : ['light', 'dark'];
    document.documentElement.dataset.theme = theme;
    this.button.textContent = this.#dark ? '☀' : '☾';
    this.button.setAttribute('aria-label', `Use the ${next} theme`);
    colors.clear();
    this.#changed();
  }
}

const colors = new Map<string, string>();

/** A color of the theme, for what is drawn on a canvas. It is read once a theme: to ask for it computes the style of what has changed. */
export function themeColor(name: string): string {
  const color = colors.get(name) ?? getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  colors.set(name, color);
  return color;
}
