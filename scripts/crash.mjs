// npm run crash -- [--crashes N] [--checkpoint NAME] [--seconds N] [--parallel N] [--seed N]: kills processes at every failure point.
import { ensureInstalled, root, run } from './install.mjs';

ensureInstalled();
process.exit(run(process.execPath, ['--import', 'tsx', `${root}/test/crash/main.ts`, ...process.argv.slice(2)]));
