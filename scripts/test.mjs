// npm test: every test. Installs what is missing, and finds or starts a Kafka and a PostgreSQL for the integration tests.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureInstalled, runBeside } from './install.mjs';
import { startInDocker, startKafka, whyNoBroker } from './kafka-broker.mjs';
import { startPostgres, whyNoPostgres } from './postgres.mjs';

ensureInstalled();
/** What the tests need and is not there: where CI=true nothing may be left out. */
const missing = [];
const reports = mkdtempSync(join(tmpdir(), 'dstream-test-'));
let broker;
let postgres;
let code = 1;
try {
  postgres = await findPostgres();
  broker = await findBroker();
  if (missing.length === 0 || process.env.CI !== 'true') code = await runTests();
} finally {
  await broker?.stop();
  await postgres?.stop();
  rmSync(reports, { recursive: true, force: true });
}
process.exit(code);

async function runTests() {
  const report = join(reports, 'report.json');
  const env = {
    ...process.env,
    ...(postgres && { POSTGRES_URL: postgres.url }),
    ...(broker && { KAFKA_BROKERS: broker.brokers }),
    ...(broker?.saslBrokers && { KAFKA_SASL_BROKERS: broker.saslBrokers }),
    ...(broker?.tlsBrokers && { KAFKA_TLS_BROKERS: broker.tlsBrokers, KAFKA_TLS_CA: broker.certificate }),
  };
  // Not by npx, which leaves its child behind at a signal.
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile=${report}`,
    ...process.argv.slice(2),
  ];
  return summarize(report, await runBeside(process.execPath, args, { env }));
}

/**
 * The brokers that are given, else a container, else Java and Maven, else none, which is said loudly. A container has no
 * listener with SASL or TLS: where CI=true nothing may be left out, so it is not tried.
 */
async function findBroker() {
  // What it offers beside is in the environment of the tests already.
  if (process.env.KAFKA_BROKERS) return { brokers: process.env.KAFKA_BROKERS, stop: async () => {} };
  const container = process.env.CI === 'true' ? undefined : await startInDocker();
  if (container) return container;
  const reason = whyNoBroker();
  if (reason === undefined) return startKafka();
  leaveOut(`KAFKA ARE SKIPPED: KAFKA_BROKERS is not set, no docker engine answers, and ${reason}`);
  return undefined;
}

/** The one that is given, else one that is started, else none, which is said loudly. */
async function findPostgres() {
  if (process.env.POSTGRES_URL) return { url: process.env.POSTGRES_URL, stop: async () => {} };
  const reason = whyNoPostgres();
  if (reason === undefined) return startPostgres();
  leaveOut(`POSTGRESQL ARE SKIPPED: POSTGRES_URL is not set, and ${reason}`);
  return undefined;
}

/** Says loudly which tests are left out. */
function leaveOut(what) {
  missing.push(what);
  console.error('='.repeat(100));
  console.error(`dstream: THE INTEGRATION TESTS ON A REAL ${what}.`);
  console.error('='.repeat(100));
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
