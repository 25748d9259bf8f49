// npm test: every test. Installs what is missing, and finds or starts a Kafka for the integration tests.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureInstalled, run } from './install.mjs';
import { startInDocker, startKafka, whyNoBroker } from './kafka-broker.mjs';

ensureInstalled();
const broker = await findBroker();
const reports = mkdtempSync(join(tmpdir(), 'dstream-test-'));
let code = 1;
try {
  const report = join(reports, 'report.json');
  const env = {
    ...process.env,
    ...(broker && { KAFKA_BROKERS: broker.brokers }),
    ...(broker?.saslBrokers && { KAFKA_SASL_BROKERS: broker.saslBrokers }),
  };
  const args = [
    'vitest',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile=${report}`,
    ...process.argv.slice(2),
  ];
  code = run('npx', args, { env });
  code = summarize(report, code);
} finally {
  await broker?.stop();
  rmSync(reports, { recursive: true, force: true });
}
process.exit(code);

/** The brokers that are given, else a container, else Java and Maven, else none, which is said loudly. */
async function findBroker() {
  if (process.env.KAFKA_BROKERS)
    return { brokers: process.env.KAFKA_BROKERS, saslBrokers: process.env.KAFKA_SASL_BROKERS, stop: async () => {} };
  const container = await startInDocker();
  if (container) return container;
  const reason = whyNoBroker();
  if (reason === undefined) return startKafka();
  console.error('='.repeat(100));
  console.error(
    `dstream: THE INTEGRATION TESTS ON A REAL KAFKA ARE SKIPPED: KAFKA_BROKERS is not set, no docker engine answers, and ${reason}.`,
  );
  console.error('='.repeat(100));
  if (process.env.CI === 'true') process.exit(1);
  return undefined;
}

/** One plain line at the end. A skipped test is a failure where CI=true, because nothing may be left out there. */
function summarize(report, code) {
  let counts;
  try {
    counts = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return code || 1;
  }
  const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, numTodoTests: todo = 0 } = counts;
  console.log(`tests: ${passed} passed, ${failed} failed, ${skipped + todo} skipped`);
  if (process.env.CI === 'true' && skipped > 0) {
    console.error('dstream: with CI=true no test may be skipped');
    return 1;
  }
  return code || (passed === 0 ? 1 : 0);
}
