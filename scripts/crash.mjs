// npm run crash -- [--crashes N] [--checkpoint file|lmdb|tiered|postgres] [--source files|kafka|receiver|ready|tasks] [--output files|table|kafka] [--seconds N]
// [--each N] [--parallel N] [--seed N] [--keep]: kills processes at every failure point.
import { ensureInstalled, root, run } from './install.mjs';

ensureInstalled();
process.exit(run(process.execPath, ['--import', 'tsx', `${root}/test/crash/main.ts`, ...process.argv.slice(2)]));
