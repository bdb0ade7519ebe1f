import { defineConfig } from 'vitest/config'

/** The crash, model and fault tests for as long as you let them: COWRING_SOAK_MINUTES, 10 by default. */
export default defineConfig({
  test: {
    include: ['test/soak/**/*.test.ts'],
    // Like the tests of the engine: it runs the built package.
    alias: { cowring: new URL('./dist/src/index.js', import.meta.url).pathname },
    pool: 'forks',
    maxWorkers: 2,
  },
})
