// npm run chaos [-- --minutes N] [--mode default,checkCrcs,transactions,exactly-once] [--seed N] [--faults 'NAME; NAME'] [--keep]
// [--fault-seconds N] [--bound-seconds N] [--interval-ms N]: disturbs jobs that run side by side between real servers in every way that the guarantees name.
import { ensureInstalled, root, runBeside } from './install.mjs';

ensureInstalled();
process.exit(
  await runBeside(process.execPath, ['--import', 'tsx', `${root}/test/chaos/main.ts`, ...process.argv.slice(2)]),
);
