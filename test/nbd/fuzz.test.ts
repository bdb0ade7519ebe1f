/** A short run of the protocol's fuzzer; `npm run fuzz:nbd` goes on for as long as it is let. */
import { expect, it } from 'vitest'
import { fuzz } from '../support/nbd/fuzz.js'

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)

it(`handshakes and requests with mistakes in them, seed ${seed}`, async () => {
  expect(await fuzz({ seed, streams: 1500, seconds: 8 })).toBeGreaterThan(100)
})
