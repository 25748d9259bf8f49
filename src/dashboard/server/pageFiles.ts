import { readFile } from 'node:fs/promises';

/** A file of the page, ready to be sent. */
export interface PageFile {
  readonly type: string;
  readonly content: Buffer;
}

const types = {
  'index.html': 'text/html; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
} as const;

/** What the page consists of. */
export type PageFileName = keyof typeof types;

/** `npm run build` writes the page there. The same path leads there from `src` and from `dist`. */
export const builtPage = new URL('../../../dist/dashboard-page/', import.meta.url);

/** The files of the page, read when they are first asked for. */
export class PageFiles {
  readonly #folder: URL;
  readonly #files = new Map<PageFileName, Promise<PageFile>>();

  constructor(folder: URL) {
    this.#folder = folder;
  }

  /** Rejects when the page has not been built. */
  read(name: PageFileName): Promise<PageFile> {
    const known = this.#files.get(name);
    if (known) return known;
    const file = readFile(new URL(name, this.#folder)).then((content) => ({ type: types[name], content }));
    this.#files.set(name, file);
    file.catch(() => this.#files.delete(name));
    return file;
  }
}
