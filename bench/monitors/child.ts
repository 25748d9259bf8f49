import { jobOf, variants } from './variants.js';

const [name = ''] = process.argv.slice(2);
const variant = variants[name];
if (!variant) throw new Error(`no variant ${name}`);
const job = jobOf(variant());
await job.run();
globalThis.gc?.();
const times: number[] = [];
for (let i = 0; i < 5; i++) {
  const before = process.cpuUsage();
  await job.run();
  const { user, system } = process.cpuUsage(before);
  times.push((user + system) / 1_000 / job.batches);
}
console.log(JSON.stringify({ ms: times.sort((a, b) => a - b)[2], check: job.check() }));
