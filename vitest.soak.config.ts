import { defineConfig } from 'vitest/config'

/** A round of `npm run soak`, COWRING_SOAK_MINUTES long: the simulator, and the crash, model and fault tests. */
export default defineConfig({
  test: {
    include: ['test/soak/**/*.test.ts'],
    // Like the tests of the engine: it runs the built package.
    alias: { cowring: new URL('./dist/src/index.js', import.meta.url).pathname },
    pool: 'forks',
    maxWorkers: 2,
  },
})
