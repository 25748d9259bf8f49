import type { FileSystem, OpenFile } from '../../src/storage/fileSystem.js';

/** Files as a process sees them that is stopped before one of its calls, until it is let go on. */
export class PausedFiles implements FileSystem {
  readonly #files: FileSystem;
  readonly #at: number;
  #calls = 0;
  #pause: (() => void) | undefined;
  #continue: () => void = () => {};
  /** Resolves when it is stopped. */
  readonly paused: Promise<void>;
  readonly #continued: Promise<void>;

  /** `at` is the number of the call, from 0. */
  constructor(files: FileSystem, at: number) {
    this.#files = files;
    this.#at = at;
    this.paused = new Promise((resolve) => {
      this.#pause = resolve;
    });
    this.#continued = new Promise((resolve) => {
      this.#continue = resolve;
    });
  }

  get calls(): number {
    return this.#calls;
  }

  continue(): void {
    this.#continue();
  }

  open = async (path: string, flags: 'r' | 'w' | 'wx'): Promise<OpenFile> => {
    await this.#turn();
    const file = await this.#files.open(path, flags);
    const paused =
      <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        await this.#turn();
        return call(...args);
      };
    return {
      write: paused(file.write),
      read: paused(file.read),
      datasync: paused(file.datasync),
      sync: paused(file.sync),
      truncate: paused(file.truncate),
      stat: paused(file.stat),
      close: paused(file.close),
    };
  };
  readFile = (path: string) => this.#then(() => this.#files.readFile(path));
  link = (existing: string, path: string) => this.#then(() => this.#files.link(existing, path));
  rename = (from: string, to: string) => this.#then(() => this.#files.rename(from, to));
  remove = (path: string) => this.#then(() => this.#files.remove(path));
  list = (directory: string) => this.#then(() => this.#files.list(directory));
  makeDirectory = (directory: string) => this.#then(() => this.#files.makeDirectory(directory));

  async #then<R>(call: () => Promise<R>): Promise<R> {
    await this.#turn();
    return call();
  }

  async #turn(): Promise<void> {
    if (this.#calls++ !== this.#at) return;
    this.#pause?.();
    await this.#continued;
  }
}
