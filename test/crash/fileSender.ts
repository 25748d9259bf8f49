import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NumberedSender } from './numberedSender.js';

const appendIntervalMs = 5;
const linesAtOnce = 10;
const linesOfFile = 2_000;

/** Writes numbers to files of a directory, some lines at a time, one file after the other. */
export async function fileSender(directory: string): Promise<NumberedSender> {
  let next = 0;
  const timer = setInterval(() => {
    const lines = Array.from({ length: linesAtOnce }, () => `${next++}\n`);
    const file = String(Math.floor((next - linesAtOnce) / linesOfFile)).padStart(6, '0');
    appendFileSync(join(directory, file), lines.join(''));
  }, appendIntervalMs);
  return {
    place: directory,
    exactlyOnce: true,
    // What is in the files is never lost: it is read as far as the stream has come.
    acknowledged: new Set(),
    delays: [],
    stop: async () => clearInterval(timer),
  };
}
