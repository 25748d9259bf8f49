import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  foreachBatch,
  InvalidOptionError,
  ReceiverError,
  type ReceiverSink,
  type ReceiverStatus,
  receiverBatches,
} from 'dstream';
import { fileCheckpoint, fileWriteAheadLog, processReceiver } from 'dstream/node';
import { firstValueFrom, retry, Subject, timer } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { randomOf } from '../../../crash/records.js';

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
    const deadline = Date.now() + 300_000;
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

  it('fails when the process writes nothing for idleTimeout, and not while it is made to wait', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const failed = new Subject<unknown>();
      const error = firstValueFrom(failed);
      const text = 'for (let i = 0; i < 20_000; i++) console.log(i); console.log("last"); setInterval(() => {}, 1e6)';
      let received = 0;
      let waited = 0;
      let last: string | undefined;
      receiverBatches(processReceiver({ ...script(text), idleTimeout: 1_000 }), {
        interval: 10,
        maxQueue: 1_000,
        batchObserver: {
          next: ({ inputs }) => {
            // Nothing is read then, and the process cannot write.
            if ((inputs.receiver?.receiver?.queuedRecords ?? 0) < 1_000) return;
            waited++;
            vi.advanceTimersByTime(10_000);
          },
        },
      })
        .pipe(
          foreachBatch((batch) => {
            received += batch.length;
            last = batch.at(-1) ?? last;
            if (last === 'last') vi.advanceTimersByTime(1_000);
            return timer(batch.length > 0 ? 20 : 0);
          }),
        )
        .subscribe({ error: (thrown) => failed.next(thrown) });
      expect(await error).toEqual(
        expect.objectContaining({ message: expect.stringContaining('nothing came for 1000 ms') }),
      );
      expect(received).toBe(20_001);
      expect(waited).toBeGreaterThan(3);
    } finally {
      vi.useRealTimers();
    }
  });

  it('misses no line before another of a process that is killed, hangs, writes garbage, ends and comes back', async () => {
    // Each process writes its lines, and then does one of these.
    const ends = ['exit', 'fail', 'kill', 'hang', 'garbage'];
    const text = `i=0; while [ $i -lt $1 ]; do echo "$$ $i"; i=$((i+1)); done; echo "$$ $2"
      case $2 in
        exit) exit 0;;
        fail) exit 1;;
        kill) kill -9 $$;;
        garbage) head -c 2000 /dev/zero;;
      esac
      exec sleep 1000`;
    const seed = Number(process.env.PROCESS_SEED ?? Date.now() % 1_000_000);
    console.log(`PROCESS_SEED=${seed}`);
    const random = randomOf(seed);
    const directory = mkdtempSync(join(tmpdir(), 'dstream-process-'));
    const records: string[] = [];
    let starts = 0;
    let crashes = 0;
    const receiver = (sink: ReceiverSink<string>) => {
      const args = ['-c', text, 'sh', String(1 + Math.floor(300 * random())), ends[starts++ % ends.length] as string];
      return processReceiver({ command: 'sh', args, maxFrameBytes: 1_000, idleTimeout: 1_000, killSignal: 'SIGKILL' })(
        sink,
      );
    };
    const seen = () => new Set(records.map((record) => record.split(' ')[1]).filter((end) => ends.includes(end ?? '')));
    await new Promise<void>((resolve, reject) => {
      const subscription = receiverBatches(receiver, {
        interval: 10,
        restart: { delay: 5, maxDelay: 5, onClose: 'restart' },
        checkpoint: fileCheckpoint(join(directory, 'checkpoint')),
        writeAheadLog: fileWriteAheadLog(join(directory, 'wal')),
      })
        .pipe(
          foreachBatch((batch) => {
            // Before anything of the batch is seen: it is replayed.
            if (batch.length > 0 && crashes < 3 && records.length > 200 * crashes && crashes++ < 3)
              throw new Error('crash');
            records.push(...batch);
            if (crashes < 3 || seen().size < ends.length) return;
            subscription.unsubscribe();
            resolve();
          }),
          retry(),
        )
        .subscribe({ error: reject });
    });
    const lines = new Map<string, number[]>();
    for (const record of records) {
      const [pid = '', n = ''] = record.split(' ');
      if (/^\d/.test(n)) lines.set(pid, [...(lines.get(pid) ?? []), Number(n)]);
    }
    for (const [pid, numbers] of lines) {
      expect(numbers, `lines of process ${pid}`).toEqual(Array.from(numbers, (_, i) => i));
    }
    expect(lines.size).toBeGreaterThanOrEqual(ends.length);
  });

  it('refuses options out of range', () => {
    expect(() => processReceiver({ command: 'x', idleTimeout: Infinity })).toThrow('idleTimeout (Infinity)');
    expect(() => processReceiver({ command: '' })).toThrow(InvalidOptionError);
    expect(() => processReceiver({ command: 'x', maxFrameBytes: -1 })).toThrow('maxFrameBytes (-1)');
    expect(() => processReceiver({ command: 'x', framing: 'words' as 'lines' })).toThrow('framing ("words")');
  });
});
