import type { OpenFile } from '../../storage/fileSystem.js';
import type { Damage } from '../damage.js';
import {
  type Bounds,
  branchNodes,
  type Compare,
  checkHead,
  headLength,
  kinds,
  leafNodes,
  numberAt,
  type Page,
  PageFlaw,
  pagesOf,
  runAt,
  runLengthOf,
  type Tree,
  valueKinds,
} from './pages/treePages.js';

/** An entry of a tree. */
export interface TreeEntry {
  readonly key: Buffer;
  /** The record of a tree, or data. */
  readonly value: Buffer;
  readonly kind: number;
  /** Of its page. */
  readonly offset: number;
}

interface Place extends Bounds {
  readonly number: number;
  /** The transaction that wrote the page above. */
  readonly newest: number;
  readonly depth: number;
}

/** Reads trees of a file page by page, and passes over each page that is damaged, with what is below it. */
export class SalvagedPages {
  readonly #path: string;
  readonly #file: Pick<OpenFile, 'read'>;
  readonly #pageSize: number;
  readonly #taken: Uint8Array;
  readonly #damaged: (damage: Damage) => void;

  constructor(
    path: string,
    file: Pick<OpenFile, 'read'>,
    { pageSize, pages }: { readonly pageSize: number; readonly pages: number },
    damaged: (damage: Damage) => void,
  ) {
    this.#path = path;
    this.#file = file;
    this.#pageSize = pageSize;
    this.#taken = new Uint8Array(pages);
    this.#damaged = damaged;
  }

  /**
   * The entries of a tree, in order.
   *
   * @param what it is, for messages
   * @param newest the transaction that has written what leads to the tree
   */
  async *entries(what: string, { root, depth }: Tree, newest: number, compare: Compare): AsyncGenerator<TreeEntry> {
    if (root === undefined) return;
    const places: Place[] = [{ number: root, newest, depth, lower: undefined, upper: undefined }];
    for (let place = places.pop(); place; place = places.pop()) {
      try {
        const page = await this.#page(place.number);
        if (place.depth > 1) for (const below of this.#below(page, place, compare).reverse()) places.push(below);
        else yield* this.#leaf(what, page, place, compare);
      } catch (error) {
        if (!(error instanceof PageFlaw)) throw error;
        this.#tell(what, place, error);
      }
    }
  }

  /** Takes pages for a tree, or as free ones: a page is in one place only. */
  take(first: number, count: number): void {
    if (first < 2 || count < 1 || first + count > this.#taken.length)
      throw new PageFlaw(0, `there are no ${count} pages from ${first} on`);
    for (let page = first; page < first + count; page++) {
      if (this.#taken[page] === 1) throw new PageFlaw(0, `page ${page} is in two places`);
    }
    this.#taken.fill(1, first, first + count);
  }

  /** The transaction that wrote the root of a tree; `undefined` where it is damaged. */
  async writtenAt({ root, depth }: Tree, newest: number): Promise<number | undefined> {
    if (root === undefined) return 0;
    if (root < 2 || root >= this.#taken.length) return undefined;
    try {
      return checkHead(await this.#page(root), root, depth > 1 ? kinds.branch : kinds.leaf, newest);
    } catch (error) {
      if (error instanceof PageFlaw) return undefined;
      throw error;
    }
  }

  /** The transaction that the root of a tree says it is of. */
  async rootTransaction({ root }: Tree): Promise<number> {
    if (root === undefined || root < 2 || root >= this.#taken.length) return 0;
    const { bytes } = await this.#page(root);
    return numberAt(bytes, 0) === root ? numberAt(bytes, 8) : 0;
  }

  #below(page: Page, place: Place, compare: Compare): Place[] {
    this.take(place.number, 1);
    const newest = checkHead(page, place.number, kinds.branch, place.newest);
    return branchNodes(page, place, compare).map((node) => ({ ...node, newest, depth: place.depth - 1 }));
  }

  async *#leaf(what: string, page: Page, place: Place, compare: Compare): AsyncGenerator<TreeEntry> {
    this.take(place.number, 1);
    const written = checkHead(page, place.number, kinds.leaf, place.newest);
    const found: { readonly kind: number; readonly key: Buffer; readonly at: number; readonly length: number }[] = [];
    let flaw: PageFlaw | undefined;
    try {
      leafNodes(page, place, compare, (kind, key, keyEnd, length) => {
        found.push({ kind, key: Buffer.from(page.bytes.subarray(key, keyEnd)), at: keyEnd, length });
      });
    } catch (error) {
      if (!(error instanceof PageFlaw)) throw error;
      // What came before it has checksums of its own.
      flaw = error;
    }
    const offset = place.number * this.#pageSize;
    for (const { kind, key, at, length } of found) {
      if (!isWithin(key, place, compare)) continue;
      if (kind !== valueKinds.overflow) {
        yield { key, value: Buffer.from(page.bytes.subarray(at, at + length)), kind, offset };
        continue;
      }
      const value = await this.#longValue(page, at, length, written).catch((error: unknown) => {
        if (error instanceof PageFlaw) return Buffer.alloc(0);
        throw error;
      });
      yield { key, value, kind: valueKinds.plain, offset };
    }
    if (flaw) this.#tell(what, place, flaw);
  }

  async #longValue(page: Page, at: number, length: number, newest: number): Promise<Buffer> {
    const { first, count } = runAt(page.bytes, at);
    if (count !== pagesOf(length, this.#pageSize)) throw new PageFlaw(0, 'it does not fit');
    this.take(first, count);
    const run = await this.#page(first, count);
    checkHead(run, first, kinds.overflow, newest);
    if (runLengthOf(run) !== count) throw new PageFlaw(0, 'it has another length');
    return run.bytes.subarray(headLength, headLength + length);
  }

  /** Bytes beyond the end of the file are zeros. */
  async #page(number: number, count = 1): Promise<Page> {
    if (number < 2 || number + count > this.#taken.length) throw new PageFlaw(0, `there is no page ${number}`);
    const bytes = Buffer.alloc(count * this.#pageSize);
    let length = 0;
    while (length < bytes.length) {
      const at = number * this.#pageSize + length;
      const { bytesRead } = await this.#file.read(bytes, length, bytes.length - length, at);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return { bytes, start: 0, size: this.#pageSize };
  }

  #tell(what: string, { number, lower, upper }: Place, { message }: PageFlaw): void {
    const offset = number * this.#pageSize;
    const from = lower ? `from ${shown(lower)}` : 'from the first';
    const to = upper ? `to ${shown(upper)}` : 'to the last';
    const reason = `${message}: ${what} in it or below it are left out, ${from} ${to}`;
    this.#damaged({ place: this.#path, offset, until: offset + this.#pageSize, reason });
  }
}

function isWithin(key: Buffer, { lower, upper }: Bounds, compare: Compare): boolean {
  if (lower && compare(lower, 0, lower.length, key, 0, key.length) > 0) return false;
  return !upper || compare(key, 0, key.length, upper, 0, upper.length) < 0;
}

/** Keys of our databases are bytes. */
function shown(key: Buffer): string {
  return JSON.stringify(key.toString('latin1').slice(0, 80));
}
