import type { OpenEngine } from './engine.js';
import { loadPackage } from './packages.js';

interface Level {
  open(options: object): Promise<void>;
  close(): Promise<void>;
  getSync(key: Buffer): Buffer | undefined;
  batch(operations: readonly object[], options: object): Promise<void>;
  compactRange(start: Buffer, end: Buffer): Promise<void>;
  iterator(options: object): {
    nextv(size: number): Promise<readonly (readonly [Buffer, Buffer])[]>;
    close(): Promise<void>;
  };
}

interface Module {
  readonly ClassicLevel: new (directory: string, options: object) => Level;
}

const scanned = 10_000;

/** LevelDB through classic-level. */
export function openLevel(options: object): OpenEngine {
  return async (directory) => {
    const { ClassicLevel } = loadPackage<Module>('classic-level');
    const db = new ClassicLevel(directory, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
    await db.open(options);
    const write = (list: readonly (readonly [Buffer, Buffer])[], sync: boolean) =>
      db.batch(
        list.map(([key, value]) => ({ type: 'put', key, value })),
        { sync },
      );
    return {
      readEach: (keys) => keys.map((key) => db.getSync(key)),
      commit: (list) => write(list, true),
      fill: (list) => write(list, false),
      async scan(visit) {
        const iterator = db.iterator({ highWaterMarkBytes: 1_048_576, fillCache: false });
        try {
          for (;;) {
            const part = await iterator.nextv(scanned);
            if (part.length === 0) return;
            for (const [key, value] of part) visit(key, value);
          }
        } finally {
          await iterator.close();
        }
      },
      settle: () => db.compactRange(Buffer.alloc(0), Buffer.alloc(64, 255)),
      close: () => db.close(),
    };
  };
}
