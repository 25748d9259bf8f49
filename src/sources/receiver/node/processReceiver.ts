import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { InvalidOptionError, ReceiverError } from '../../../batch/errors.js';
import { checkOptions, type OptionChecks, required } from '../../../options/checkOptions.js';
import {
  allOf,
  arrayOf,
  checkFunction,
  checkPositive,
  checkPositiveInteger,
  checkText,
  checkTimer,
  oneOf,
} from '../../../options/checks.js';
import type { ReceiverSink } from '../receiver.js';
import { type Framing, frameDecoder } from './frameDecoder.js';
import { FramePump } from './framePump.js';

/** Options of `processReceiver`. */
export interface ProcessReceiverOptions<T> {
  /** The program. It is not run by a shell. */
  readonly command: string;
  /**
   * Its arguments.
   * @default none
   */
  readonly args?: readonly string[] | undefined;
  /**
   * The directory that it is run in.
   * @default that of this process
   */
  readonly cwd?: string | undefined;
  /**
   * Its environment.
   * @default that of this process
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /**
   * How frames are separated, as for `tcpReceiver`.
   * @default 'lines'
   */
  readonly framing?: Framing | undefined;
  /**
   * Makes a record of a frame. What it throws fails the receiver.
   * @default lines as strings, and other frames as buffers
   */
  readonly parse?: ((frame: Buffer) => T) | undefined;
  /**
   * The longest frame, in bytes.
   * @default 1048576 (1 MiB)
   */
  readonly maxFrameBytes?: number | undefined;
  /**
   * How long the process may write nothing while it is not made to wait, in ms; after that the receiver fails, and the process is ended.
   * @default no limit
   */
  readonly idleTimeout?: number | undefined;
  /**
   * How the process is ended when the receiver is left. One that does not end then is killed after 5 s.
   * @default 'SIGTERM'
   */
  readonly killSignal?: NodeJS.Signals | undefined;
}

const graceMs = 5_000;
/** Of what the process writes to stderr, for the error. */
const maxStderr = 1_000;

const optionChecks: OptionChecks<ProcessReceiverOptions<never>> = {
  command: required(checkText),
  args: arrayOf(checkArgument),
  cwd: checkText,
  env: checkEnvironment,
  framing: oneOf('lines', 'length-prefixed'),
  parse: checkFunction,
  maxFrameBytes: checkPositiveInteger,
  idleTimeout: allOf(checkPositive, checkTimer),
  killSignal: checkSignal,
};

function checkArgument(owner: string, option: string, value: unknown): void {
  if (typeof value !== 'string') throw new InvalidOptionError(owner, option, value, 'must be a string');
}

function checkEnvironment(owner: string, option: string, env: unknown): void {
  if (typeof env !== 'object' || env === null || Array.isArray(env)) {
    throw new InvalidOptionError(owner, option, env, 'must be an object of strings');
  }
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined) checkArgument(owner, `${option}.${name}`, value);
  }
}

function checkSignal(owner: string, option: string, signal: string): void {
  if (!Object.hasOwn(constants.signals, signal)) {
    throw new InvalidOptionError(owner, option, signal, 'must be the name of a signal, such as "SIGTERM"');
  }
}

/**
 * Receives what a child process writes to its standard output, a record a line. While the queue is full nothing is read, so
 * that the process is made to wait. An exit code of 0 completes the receiver, any other, or a signal, is a failure; with
 * `restart: { onClose: 'restart' }` the process is started again after both. The process is ended when the receiver is left.
 *
 * What the process has written and nobody has read is lost with either of the two.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {ReceiverError} (as a notification) when the process fails and is not started again, with the end of its stderr
 *
 * @example
 * ```ts
 * import { foreachBatch, receiverBatches } from 'dstream';
 * import { processReceiver } from 'dstream/node';
 *
 * const lines = processReceiver({ command: process.execPath, args: ['-e', 'console.log("a\\nb")'] });
 * receiverBatches(lines, { interval: 50 })
 *   .pipe(
 *     foreachBatch((records) => {
 *       if (records.length > 0) console.log(records);
 *     }),
 *   )
 *   .subscribe();
 * // => [ 'a', 'b' ]
 * ```
 */
export function processReceiver<T = string>(options: ProcessReceiverOptions<T>): (sink: ReceiverSink<T>) => () => void {
  const owner = 'processReceiver';
  checkOptions(owner, options, optionChecks);
  const { command, args = [], framing = 'lines', maxFrameBytes = 1 << 20, killSignal = 'SIGTERM' } = options;
  const parse = options.parse ?? ((frame: Buffer) => (framing === 'lines' ? frame.toString() : frame) as T);
  const { cwd, env, idleTimeout } = options;
  const where = `${owner} ${command}`;

  return (sink) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const decoder = frameDecoder(framing, maxFrameBytes);
    let said = '';
    let idle: NodeJS.Timeout | undefined;
    const fail = (reason: string, cause?: unknown) => {
      sink.fail(new ReceiverError(where, reason, cause === undefined ? undefined : { cause }));
    };
    const heard = () => {
      clearTimeout(idle);
      if (idleTimeout !== undefined) idle = setTimeout(() => fail(`nothing came for ${idleTimeout} ms`), idleTimeout);
    };
    const pump = new FramePump(sink, {
      pause: () => {
        // A process that is made to wait is not idle.
        clearTimeout(idle);
        child.stdout.pause();
      },
      resume: () => {
        heard();
        child.stdout.resume();
      },
    });
    const guarded = (work: () => void) => {
      try {
        work();
      } catch (error) {
        fail((error as Error).message, error);
      }
    };
    child.on('spawn', () => {
      sink.connected();
      heard();
    });
    child.on('error', (error) => fail(error.message, error));
    child.stdout.on('data', (chunk: Buffer) => {
      // Before the queue may be full.
      heard();
      guarded(() => pump.push(decoder.push(chunk).map(parse)));
    });
    child.stderr.on('data', (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-maxStderr);
    });
    child.on('close', (code, signal) => {
      clearTimeout(idle);
      guarded(() => {
        // What a process that has failed left behind is no whole frame.
        if (code === 0) pump.push(decoder.end().map(parse));
        pump.end(() => {
          if (code === 0) sink.complete();
          else fail(`it ended with ${signal ?? `exit code ${code}`}: ${said.trim() || 'nothing on stderr'}`);
        });
      });
    });
    return () => {
      clearTimeout(idle);
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.stdout.destroy();
      child.kill(killSignal);
      const kill = setTimeout(() => child.kill('SIGKILL'), graceMs).unref();
      child.on('close', () => clearTimeout(kill));
    };
  };
}
