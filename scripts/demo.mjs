// npm run demo: the main job, on a log in memory or, with --brokers, on a real Kafka. With --dashboard a page shows it.
import { spawn } from 'node:child_process';
import { buildPage } from './build-page.mjs';
import { ensureInstalled, root } from './install.mjs';

ensureInstalled();
const options = process.argv.slice(2);
if (options.includes('--dashboard')) await buildPage();
const args = ['--import', 'tsx', 'examples/flights/main.ts', ...options];
const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
// The demo stops gracefully by itself; this parent only waits for it.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => process.exit(code ?? 1));
