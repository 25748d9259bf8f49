import { element } from './element.js';

/** Asks for the token. */
export class SignInForm {
  readonly root: HTMLFormElement;
  readonly #input: HTMLInputElement;
  readonly #error = element('p', { class: 'error', attrs: { role: 'alert' } });

  /** `submitted` resolves to whether the token is right. */
  constructor(submitted: (token: string) => Promise<boolean>) {
    this.#input = element('input', {
      attrs: { id: 'token', type: 'password', autocomplete: 'current-password', required: '' },
    });
    this.root = element(
      'form',
      { class: 'card sign-in' },
      element('h2', { class: 'form-title', text: 'Token needed' }),
      element('p', { text: 'This board is shown to readers who have its token. A link that ends in #token=… has it.' }),
      element('label', { text: 'Token', attrs: { for: 'token' } }),
      this.#input,
      element('button', { text: 'Open the board', attrs: { type: 'submit' } }),
      this.#error,
    );
    this.root.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit(submitted);
    });
  }

  show(message: string): void {
    this.root.hidden = false;
    this.#error.textContent = message;
    this.#input.focus();
  }

  async #submit(submitted: (token: string) => Promise<boolean>): Promise<void> {
    const right = await submitted(this.#input.value).catch(() => undefined);
    if (right === undefined) this.show('The server does not answer.');
    else if (!right) this.show('This token is wrong.');
    this.#input.value = '';
  }
}
