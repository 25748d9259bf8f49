import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What tests and examples put into the temporary directory goes into one of this run, and goes with it. */
export default function setup(): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'dstream-tests-'));
  process.env.TMPDIR = directory;
  return () => rmSync(directory, { recursive: true, force: true });
}
