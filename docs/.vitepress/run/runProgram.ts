import type { RunEvent, RunRequest } from './sandbox.js';

/** A program that runs longer is stopped. */
const timeLimitMs = 5_000;

export interface RunOptions extends RunRequest {
  /** The script that `sandbox.ts` is built into. */
  readonly sandbox: string;
}

/** Tests on a machine with other work set another limit. */
function limitOf(scope: { readonly exampleTimeLimitMs?: number }): number {
  return scope.exampleTimeLimitMs ?? timeLimitMs;
}

/** What a frame does: starts the worker and passes its messages on. It has an origin of its own, so a program reaches nothing of the site. */
const frame = `<!doctype html><meta charset="utf-8"><script>
onmessage = ({ data, ports: [port] }) => {
  const script = new Blob([data.sandbox], { type: 'text/javascript' });
  const worker = new Worker(URL.createObjectURL(script));
  worker.onmessage = ({ data }) => port.postMessage(data);
  worker.onerror = ({ message }) => port.postMessage({ kind: 'error', text: message });
  worker.postMessage({ code: data.code, time: data.time });
};
</script>`;

/**
 * Runs a program, calls `next` with what happens, and ends with `ended`, also where the program had to be stopped. Returns the function
 * that stops it.
 */
export function runProgram(options: RunOptions, next: (event: RunEvent) => void): () => void {
  const { sandbox, code, time } = options;
  const limitMs = limitOf(globalThis as { readonly exampleTimeLimitMs?: number });
  const iframe = document.createElement('iframe');
  iframe.setAttribute('sandbox', 'allow-scripts');
  iframe.hidden = true;
  iframe.title = 'The example that runs';
  iframe.srcdoc = frame;
  const { port1, port2 } = new MessageChannel();
  let timer: number | undefined;
  let open = true;
  const stop = (): void => {
    open = false;
    window.clearTimeout(timer);
    port1.close();
    iframe.remove();
  };
  const end = (error?: string): void => {
    if (!open) return;
    stop();
    if (error !== undefined) next({ kind: 'error', text: error });
    next({ kind: 'ended' });
  };
  port1.onmessage = ({ data }: MessageEvent<RunEvent>) => {
    if (!open) return;
    if (data.kind === 'ended') end();
    else {
      if (data.kind === 'started')
        timer = window.setTimeout(() => end(`Stopped after ${limitMs / 1_000} seconds.`), limitMs);
      next(data);
    }
  };
  iframe.addEventListener('load', () => iframe.contentWindow?.postMessage({ sandbox, code, time }, '*', [port2]), {
    once: true,
  });
  document.body.append(iframe);
  return stop;
}
