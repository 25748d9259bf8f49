import {
  foreachBatch,
  InvalidOptionError,
  ReceiverError,
  type ReceiverSink,
  type ReceiverStatus,
  receiverBatches,
} from 'dstream';
import { processReceiver } from 'dstream/node';
import { timer } from 'rxjs';
import { describe, expect, it } from 'vitest';

const script = (text: string) => ({ command: process.execPath, args: ['-e', text] });

function all(receiver: (sink: ReceiverSink<string>) => () => void, options = {}): Promise<readonly string[]> {
  const records: string[] = [];
  return new Promise((resolve, reject) => {
    receiverBatches(receiver, { interval: 10, ...options })
      .pipe(foreachBatch((batch) => void records.push(...batch)))
      .subscribe({ error: (error) => reject(Object.assign(error, { records })), complete: () => resolve(records) });
  });
}

describe('processReceiver', () => {
  it('makes a record of each line of the output, and completes with exit code 0', async () => {
    const text = 'process.stdout.write("a\\nb ü\\nlast"); console.error("not a record")';
    expect(await all(processReceiver(script(text)))).toEqual(['a', 'b ü', 'last']);
  });

  it('parses, and runs in its directory with its environment', async () => {
    const options = {
      ...script('console.log(process.env.NAME); console.log(process.cwd())'),
      cwd: '/',
      env: { NAME: 'x' },
    };
    const parse = (line: Buffer) => `<${line}>`;
    expect(await all(processReceiver({ ...options, parse }))).toEqual(['<x>', '</>']);
  });

  it('fails with exit code or signal and the end of stderr, once batches have what came before', async () => {
    const failing = all(processReceiver(script('console.log("a"); console.error("no disk"); process.exitCode = 3')));
    await expect(failing).rejects.toThrow(ReceiverError);
    await expect(failing).rejects.toThrow(`processReceiver ${process.execPath}: it ended with exit code 3: no disk`);
    await expect(failing).rejects.toMatchObject({ records: ['a'] });
    const killed = all(processReceiver(script('console.log("a"); process.kill(process.pid, "SIGKILL")')));
    await expect(killed).rejects.toThrow('it ended with SIGKILL');
    await expect(all(processReceiver({ command: '/no/such/program' }))).rejects.toThrow('ENOENT');
  });

  it('fails with too long a line', async () => {
    const endless = processReceiver({
      ...script('process.stdout.write("x".repeat(5_000)); setInterval(() => {}, 1e6)'),
      maxFrameBytes: 1_000,
    });
    await expect(all(endless)).rejects.toThrow('maxFrameBytes is 1000');
  });

  it('starts the process again, and ends it when it is left', async () => {
    const pids: number[] = [];
    const statuses: ReceiverStatus[] = [];
    const receiver = processReceiver(script('console.log(process.pid); setTimeout(() => process.exit(1), 50)'));
    const stream = receiverBatches(receiver, {
      interval: 10,
      restart: 10,
      statusObserver: { next: (status) => statuses.push(status) },
    });
    await new Promise<void>((resolve) => {
      const subscription = stream
        .pipe(
          foreachBatch((records) => {
            pids.push(...records.map(Number));
            if (new Set(pids).size < 3) return;
            subscription.unsubscribe();
            resolve();
          }),
        )
        .subscribe();
    });
    expect(statuses.some(({ state, restarts }) => state === 'waiting' && restarts === 2)).toBe(true);
    const last = pids.at(-1) as number;
    const isAlive = () => {
      try {
        return process.kill(last, 0);
      } catch {
        return false;
      }
    };
    const deadline = Date.now() + 60_000;
    while (isAlive() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isAlive()).toBe(false);
  });

  it('lets the process wait while the queue is full', async () => {
    const most: number[] = [];
    const receiver = processReceiver(
      script('const line = "x".repeat(1_000); for (;;) require("fs").writeSync(1, line + "\\n")'),
    );
    const stream = receiverBatches(receiver, {
      interval: 10,
      maxQueue: 50,
      batchObserver: { next: ({ inputs }) => most.push(inputs.receiver?.receiver?.queuedRecords ?? -1) },
    });
    await new Promise<void>((resolve) => {
      let received = 0;
      const subscription = stream
        .pipe(
          foreachBatch((records) => {
            received += records.length;
            if (received < 500) return timer(records.length > 0 ? 5 : 0);
            subscription.unsubscribe();
            resolve();
            return undefined;
          }),
        )
        .subscribe();
    });
    expect(Math.max(...most)).toBeLessThanOrEqual(50);
  });

  it('refuses options out of range', () => {
    expect(() => processReceiver({ command: '' })).toThrow(InvalidOptionError);
    expect(() => processReceiver({ command: 'x', maxFrameBytes: -1 })).toThrow('maxFrameBytes (-1)');
    expect(() => processReceiver({ command: 'x', framing: 'words' as 'lines' })).toThrow('framing ("words")');
  });
});
