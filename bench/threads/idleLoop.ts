import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const code = `
const delay = require('node:perf_hooks').monitorEventLoopDelay({ resolution: 1 });
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'begin') { delay.enable(); delay.reset(); }
  else console.log(Math.max(0, delay.max / 1e6 - 1));
});
console.log('ready');
`;

/**
 * A process that does nothing, whose event loop is watched as that of the main thread is: for how long it does not turn is the machine's doing, and
 * not that of the library.
 */
export class IdleLoop implements Disposable {
  readonly #process = spawn(process.execPath, ['-e', code], { stdio: ['pipe', 'pipe', 'inherit'] });
  readonly #lines = createInterface({ input: this.#process.stdout });

  async ready(): Promise<void> {
    await once(this.#lines, 'line');
  }

  begin(): void {
    this.#process.stdin.write('begin\n');
  }

  /** The longest time since `begin` for which its loop did not turn, in ms. */
  async still(): Promise<number> {
    const answered = once(this.#lines, 'line');
    this.#process.stdin.write('end\n');
    return Number((await answered)[0]);
  }

  [Symbol.dispose](): void {
    this.#process.kill();
  }
}
