/** A process of its own for one figure: opens the origin (first argument), then continues the store (second), and prints by
 * how many bytes the process has grown in between. Run with --expose-gc. */
import { setTimeout } from 'node:timers/promises'
import { present } from '../../../src/base/assert.js'
import { Engine } from '../../../src/index.js'
import { anonymousBytes } from '../machine.js'

const [origin, cow] = process.argv.slice(2)
await main(present(origin, 'a path of an origin'), present(cow, 'a path of a store'))

async function main(originPath: string, cowPath: string): Promise<void> {
  await using engine = await Engine.start({ workers: 1 })
  const opened = await engine.open(originPath)
  const before = await settled()
  const snapshot = await opened.snapshot({ cow: cowPath })
  const after = await settled()
  await snapshot.remove({ keepStore: true })
  process.stdout.write(`${after - before}\n`)
}

/** Memory once what was only needed for a moment has been given back. */
async function settled(): Promise<number> {
  for (let look = 0; look < 3; look++) {
    globalThis.gc?.()
    await setTimeout(50)
  }
  return anonymousBytes()
}
