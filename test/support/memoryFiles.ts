import type { FileSystem, OpenFile } from '../../src/storage/fileSystem.js';

/** What a call does, for faults: the name of the call, and of the file, without its directory. */
export interface FileCall {
  readonly operation: 'open' | 'write' | 'sync' | 'truncate' | 'close' | 'read' | 'link' | 'rename' | 'remove' | 'list';
  readonly name: string;
}

/** A file: what it holds, and what of that would be there after a power cut. */
interface Inode {
  bytes: Buffer;
  synced: Buffer;
}

/** What a power cut leaves of bytes that were written and not synced: `hole` has the second half of them without the first. */
export type Tail = 'none' | 'all' | 'half' | 'zeros' | 'hole';

/**
 * The files of one directory in memory: with faults, a disk that is full, and power cuts that leave only what was synced.
 * Whatever the directory is called, it is this one: so each opening may have a name of its own, as if in another process.
 */
export class MemoryFiles implements FileSystem {
  /** Bytes that the disk has room for. */
  capacity = Infinity;
  /** Called before each call that changes something; throws to let it fail. */
  before: (call: FileCall) => void = () => {};
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();

  /** The bytes of a file, to look at or to damage. */
  get(name: string): Buffer {
    const inode = this.#names.get(name);
    if (!inode) throw failure('ENOENT', 'open', name);
    return inode.bytes;
  }

  set(name: string, bytes: Uint8Array): void {
    this.#names.set(name, { bytes: Buffer.from(bytes), synced: Buffer.from(bytes) });
  }

  names(): string[] {
    return [...this.#names.keys()];
  }

  copy(): MemoryFiles {
    const files = new MemoryFiles();
    for (const [name, { bytes }] of this.#names) files.set(name, bytes);
    return files;
  }

  /** The directory after the power was cut now. */
  afterPowerCut(tail: Tail): MemoryFiles {
    const files = new MemoryFiles();
    for (const [name, inode] of this.#durableNames) files.set(name, afterPowerCut(inode, tail));
    return files;
  }

  async open(path: string, flags: 'r' | 'w' | 'wx'): Promise<OpenFile> {
    const name = baseName(path);
    if (flags !== 'r') this.before({ operation: 'open', name });
    const existing = this.#names.get(name);
    if (flags === 'wx' && existing) throw failure('EEXIST', 'open', name);
    if (flags === 'r' && !existing) {
      if (/^(changelog|segment|snapshot|lock)/.test(name)) throw failure('ENOENT', 'open', name);
      return this.#openDirectory();
    }
    const inode = existing ?? { bytes: Buffer.alloc(0), synced: Buffer.alloc(0) };
    if (flags === 'w') inode.bytes = Buffer.alloc(0);
    this.#names.set(name, inode);
    return this.#openInode(name, inode);
  }

  async readFile(path: string): Promise<string> {
    const name = baseName(path);
    this.before({ operation: 'read', name });
    return this.get(name).toString();
  }

  async link(existing: string, path: string): Promise<void> {
    this.before({ operation: 'link', name: baseName(path) });
    if (this.#names.has(baseName(path))) throw failure('EEXIST', 'link', baseName(path));
    this.#names.set(baseName(path), this.#inode(existing));
  }

  async rename(from: string, to: string): Promise<void> {
    this.before({ operation: 'rename', name: baseName(to) });
    this.#names.set(baseName(to), this.#inode(from));
    this.#names.delete(baseName(from));
  }

  async remove(path: string): Promise<void> {
    this.before({ operation: 'remove', name: baseName(path) });
    this.#names.delete(baseName(path));
    // Before any other change of the directory: the worst that a file system may do.
    this.#durableNames.delete(baseName(path));
  }

  async list(): Promise<readonly string[]> {
    this.before({ operation: 'list', name: '' });
    return this.names();
  }

  async makeDirectory(): Promise<undefined> {}

  #inode(path: string): Inode {
    const inode = this.#names.get(baseName(path));
    if (!inode) throw failure('ENOENT', 'open', baseName(path));
    return inode;
  }

  #used(): number {
    let used = 0;
    for (const { bytes } of this.#names.values()) used += bytes.length;
    return used;
  }

  #openInode(name: string, inode: Inode): OpenFile {
    const sync = async () => {
      this.before({ operation: 'sync', name });
      inode.synced = Buffer.from(inode.bytes);
    };
    return {
      write: async (bytes, offset, length, position) => {
        this.before({ operation: 'write', name });
        // A full disk takes what it has room for; then it refuses.
        const room = Math.min(length, this.capacity - this.#used());
        if (room <= 0 && length > 0) throw failure('ENOSPC', 'write', name);
        const after = Buffer.alloc(Math.max(inode.bytes.length, position + room));
        inode.bytes.copy(after);
        after.set(bytes.subarray(offset, offset + room), position);
        inode.bytes = after;
        return { bytesWritten: room };
      },
      read: async (bytes, offset, length, position) => {
        const from = Math.min(position, inode.bytes.length);
        return { bytesRead: inode.bytes.copy(bytes, offset, from, position + length) };
      },
      datasync: sync,
      sync,
      truncate: async (length) => {
        this.before({ operation: 'truncate', name });
        inode.bytes = inode.bytes.subarray(0, length);
      },
      stat: async () => ({ size: inode.bytes.length }),
      close: async () => this.before({ operation: 'close', name }),
    };
  }

  #openDirectory(): OpenFile {
    const refuse = async (): Promise<never> => {
      throw failure('EISDIR', 'read', '');
    };
    const sync = async () => {
      this.before({ operation: 'sync', name: '' });
      this.#durableNames = new Map(this.#names);
    };
    return { write: refuse, read: refuse, truncate: refuse, stat: refuse, datasync: sync, sync, close: async () => {} };
  }
}

/** As the system says it. */
export function failure(code: string, syscall: string, name: string): Error {
  return Object.assign(new Error(`${code}: ${syscall} '${name}'`), { code, syscall });
}

function afterPowerCut({ bytes, synced }: Inode, tail: Tail): Buffer {
  if (bytes.length <= synced.length || tail === 'none') return synced;
  const added = bytes.subarray(synced.length);
  if (tail === 'zeros') return Buffer.concat([synced, Buffer.alloc(added.length)]);
  const half = added.length >> 1;
  if (tail === 'hole') return Buffer.concat([synced, Buffer.alloc(half), added.subarray(half)]);
  return Buffer.concat([synced, tail === 'all' ? added : added.subarray(0, half)]);
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
