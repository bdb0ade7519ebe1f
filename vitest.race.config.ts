import { defineConfig } from 'vitest/config'

/** The tests of threads with random pauses at every call of Atomics, once; `npm run race-hunt` runs it round after round. */
export default defineConfig({
  test: {
    include: ['test/threads/**/*.test.ts', 'test/race/under-pauses/**/*.test.ts'],
    alias: { cowring: new URL('./dist/src/index.js', import.meta.url).pathname },
    pool: 'forks',
    execArgv: ['--import', new URL('./dist/test/support/race/pauses.js', import.meta.url).pathname],
    setupFiles: ['test/support/race/no-oversleep.ts'],
    // Pauses make everything a few times slower.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    maxWorkers: 2,
  },
})
