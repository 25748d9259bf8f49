// What runs in a thread of `runInThreads`: imports the job, subscribes to it, and stops it when the main thread says so.
import { parentPort, workerData } from 'node:worker_threads';
import { forkJoin, from, Subscription } from 'rxjs';
import type { StopOptions } from '../driver/stopReport.js';
import { installHeartbeatRelay } from '../sources/group/heartbeatRelay.js';
import { importFunction } from './importFunction.js';
import { alivePlace, type FromJobThread, type JobThreadData, type ToJobThread } from './jobMessages.js';
import { PortHeartbeats } from './portHeartbeats.js';
import type { ThreadJob } from './threadJob.js';
import { yieldToMainThread } from './threadPriority.js';
import { takeDown } from './thrownError.js';

const { url, index, threads, restarts, clocks, relaysHeartbeats, niceness } = workerData as JobThreadData;
yieldToMainThread(niceness);
const send = (message: FromJobThread) => parentPort?.postMessage(message);
const heartbeats = new PortHeartbeats(clocks, send);
if (relaysHeartbeats) installHeartbeatRelay(heartbeats);

/** How often the main thread can see that this one is not blocked. */
const aliveIntervalMs = 500;
const sayAlive = () => void Atomics.store(clocks, alivePlace, BigInt(Date.now()));
sayAlive();
setInterval(sayAlive, aliveIntervalMs).unref();

const running = new Subscription();
const stops: ((options: StopOptions) => unknown)[] = [];
let stopped: StopOptions | undefined;

function stop(options: StopOptions): void {
  stopped = options;
  if (stops.length === 0) {
    running.unsubscribe();
    end({ type: 'ended' });
    return;
  }
  forkJoin(stops.map(async (each) => each(options))).subscribe({ error: (error) => fail(error) });
}

function fail(error: unknown): void {
  end({ type: 'failed', error: takeDown(error) });
}

/** The thread ends when nothing else is open in it; the main thread waits a little for that. */
function end(message: FromJobThread): void {
  running.unsubscribe();
  send(message);
  parentPort?.close();
}

async function run(): Promise<void> {
  const job = await importFunction<ThreadJob>(url);
  if (typeof job === 'string') {
    end({ type: 'unusable', rule: job });
    return;
  }
  if (stopped) {
    end({ type: 'ended' });
    return;
  }
  try {
    const work = from(job({ index, threads, restarts, onStop: (each) => void stops.push(each) }));
    send({ type: 'running' });
    running.add(work.subscribe({ error: fail, complete: () => end({ type: 'ended' }) }));
  } catch (error) {
    fail(error);
  }
}

parentPort?.on('message', (message: ToJobThread) => {
  if (message.type === 'stop') stop(message.options);
  else heartbeats.answered(message);
});
void run();
