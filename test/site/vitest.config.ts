import { mergeConfig } from 'vitest/config';
import usual from '../../vitest.config.js';

// Tests of the built site: npm run docs, then npm run docs:test. They are no part of npm test, which needs no site.
export default mergeConfig(
  { resolve: usual.resolve },
  {
    test: {
      name: 'site',
      include: ['test/site/**/*.test.ts'],
      testTimeout: 1_800_000,
      hookTimeout: 600_000,
      maxWorkers: 2,
      globalSetup: './test/globalSetup.ts',
    },
  },
);
