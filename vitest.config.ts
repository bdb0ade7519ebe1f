import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/soak/**', 'test/race/under-pauses/**'],
    // Tests of the engine run the built package, as a user gets it: threads need JavaScript files.
    alias: [
      { find: /^cowring$/, replacement: new URL('./dist/src/index.js', import.meta.url).pathname },
      {
        find: /^cowring\/metrics$/,
        replacement: new URL('./dist/src/metrics/engine-metrics.js', import.meta.url).pathname,
      },
    ],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
