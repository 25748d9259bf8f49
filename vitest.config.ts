import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (file: string) => fileURLToPath(new URL(`./src/${file}`, import.meta.url));

// Tests and documentation examples import the package by its public names.
const alias = [
  { find: /^dstream$/, replacement: source('index.ts') },
  {
    find: /^dstream\/(aggregators|kafka|node|opentelemetry|prometheus|testing|workers)$/,
    replacement: source('$1.ts'),
  },
];

// Ends a test that hangs and nothing else: on a machine at load 40 a property takes minutes. Properties on more cases
// than usual (PROPERTY_CASES, nightly) take longer still.
const testTimeout = 600_000 * Math.max(1, Number(process.env.PROPERTY_CASES ?? 0) / 2_000);

// Files that only `npm run test:nightly` has the time for.
const byNight = process.env.DSTREAM_NIGHTLY === '1' ? [] : ['test/**/*.nightly.test.ts'];

const slow = ['integration', 'recovery', 'package', 'browser'].map((folder) => `test/${folder}/**/*.test.ts`);

export default defineConfig({
  resolve: { alias },
  test: {
    // One more than the cores that the gate has: tests on brokers mostly wait.
    maxWorkers: 3,
    globalSetup: './test/globalSetup.ts',
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...slow, ...byNight, 'test/site/**'],
          testTimeout,
          hookTimeout: testTimeout,
        },
      },
      {
        resolve: { alias },
        test: { name: 'slow', include: slow, exclude: byNight, testTimeout: 600_000, hookTimeout: 600_000 },
      },
    ],
  },
});
