import { PassThrough, Readable } from 'node:stream';
import { main } from '../../src/cli/main.js';

/** What a command line came to. */
export interface CommandRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line of `dstream`, with this input. */
export async function runCommand(args: readonly string[], input = ''): Promise<CommandRun> {
  const [output, errors] = [new PassThrough(), new PassThrough()];
  const texts = [output, errors].map(async (stream) => {
    let text = '';
    for await (const chunk of stream) text += chunk;
    return text;
  });
  const code = await main(args, { input: Readable.from([input]), output, errors });
  output.end();
  errors.end();
  const [out = '', err = ''] = await Promise.all(texts);
  return { code, out, err };
}
