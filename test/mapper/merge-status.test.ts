/** The status lines of a merge: the kernel documentation's example, number for number. */
import { closeSync, openSync, truncateSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Merge } from '../../src/control/merge.js'
import { MapperPlace } from '../support/mapper-place.js'
import { storeImage } from '../support/store-image.js'

const originSectors = 8388608
const cowSectors = 2097152
const chunkBytes = 4096

/** Stops when so many exceptions are left: no window reaches further than that. */
class StoppingMerge extends Merge {
  #stopAt: number | undefined

  goOnTo(exceptions: number): Promise<void> {
    this.#stopAt = exceptions
    this.#limit()
    this.resume()
    return this.#stopped()
  }

  override report(done: number, total: number): void {
    super.report(done, total)
    this.#limit()
  }

  #limit(): void {
    const { done, total } = this.current
    const ahead = (total - done) / chunkBytes - (this.#stopAt ?? 0)
    if (ahead > 0) this.limits = { rateLimit: ahead * chunkBytes * 20 }
    else if (done < total) void this.pause()
  }

  async #stopped(): Promise<void> {
    for await (const { state } of this.progress) if (state !== 'running') return
  }
}

test("the documentation's merge shows its four status lines", async () => {
  await using place = await MapperPlace.start()
  place.file('origin', originSectors)
  const cow = place.file('cow', cowSectors)
  // Every other chunk, so that each is a run of its own.
  const chunks = Array.from({ length: 49542 }, (_, index) => 2 * index)
  const file = openSync(cow, 'r+')
  for (const { byteOffset, bytes } of storeImage(chunks, 8)) writeSync(file, bytes, 0, bytes.length, byteOffset)
  closeSync(file)
  truncateSync(join(place.folder, 'cow'), cowSectors * 512)

  const { mapper } = place
  await place.create('base-real', `0 ${originSectors} linear origin 0`)
  await place.create('base', `0 ${originSectors} snapshot-origin base-real`)
  await place.create('snap', `0 ${originSectors} snapshot base-real cow P 8`)
  expect(mapper.status('snap')).toBe('0 8388608 snapshot 397896/2097152 1560')

  const merge = new StoppingMerge()
  await merge.pause()
  await mapper.suspend('base')
  await mapper.suspend('snap')
  await mapper.load('base', `0 ${originSectors} snapshot-merge base-real cow P 8`, {
    folder: place.folder,
    durability: 'process-crash',
    merge,
  })
  await mapper.resume('base')
  await merge.goOnTo(35072)
  expect(mapper.status('base')).toBe('0 8388608 snapshot-merge 281688/2097152 1104')
  await merge.goOnTo(22471)
  expect(mapper.status('base')).toBe('0 8388608 snapshot-merge 180480/2097152 712')
  await merge.goOnTo(0)
  expect(await merge.finished).toBe('merged')
  expect(mapper.status('base')).toBe('0 8388608 snapshot-merge 16/2097152 16')
})
