import { describe, expect, test } from 'vitest'
import { md5 } from '../support/digest.js'
import { engineAndDevices } from '../support/engine-and-devices.js'
import { recordedImages } from '../support/recorded-images.js'
import { readRecording } from '../support/recording.js'
import { decodeStore, entriesPerArea, newChunkOf } from '../support/store-image.js'
import { imageBytes, recordingNames, recordingPath } from './recordings-folder.js'

const images = recordingNames
  .flatMap((name) => recordedImages(readRecording(recordingPath(name))))
  .map((image) => {
    const bytes = imageBytes(image.record.file)
    const store = image.line.store === 'N' ? undefined : decodeStore(bytes)
    return { ...image, bytes, store, file: image.record.file }
  })

const valid = images.flatMap(({ store, ...image }) => (store?.valid ? [{ ...image, store }] : []))
const invalid = images.filter(({ store }) => store?.valid === false)
const transient = images.filter(({ line }) => line.store === 'N')

/** The status line of a store at rest. */
function restingStatus(exceptions: number, chunkSectors: number, cowSectors: number): string {
  const metadata = 2 + Math.floor(exceptions / entriesPerArea(chunkSectors))
  return `${(metadata + exceptions) * chunkSectors}/${cowSectors} ${metadata * chunkSectors}`
}

describe('COW images that the kernel left', () => {
  test('there are some of each kind', () => {
    expect([valid.length, invalid.length, transient.length].every((count) => count > 0)).toBe(true)
    expect(valid.filter(({ digest }) => digest === undefined)).toEqual([])
  })

  test.each(valid)('$file holds the exceptions that the requests call for', ({ store, savedChunks, ordered }) => {
    const oldChunks = store.exceptions.map(({ oldChunk }) => oldChunk)
    if (ordered) expect(oldChunks).toEqual(savedChunks)
    else expect(new Set(oldChunks)).toEqual(new Set(savedChunks))
    expect(store.exceptions.map(({ newChunk }) => newChunk)).toEqual(
      store.exceptions.map((_, index) => newChunkOf(index, store.chunkSectors)),
    )
  })
})

describe('the engine on COW images that the kernel left', () => {
  const given = engineAndDevices()

  async function open(origin: Uint8Array, image: Uint8Array) {
    given.devices.fill('origin', origin)
    given.devices.fill('cow', image)
    return { origin: await given.engine.open(given.devices.path('origin')), cow: given.devices.path('cow') }
  }

  test.each(valid)('$file opens and shows what the kernel showed', async (image) => {
    const { origin, cow } = await open(image.origin, image.bytes)
    const snapshot = await origin.snapshot({ cow, store: image.line.store })
    const { exceptions, chunkSectors } = image.store
    expect(snapshot.status()).toBe(restingStatus(exceptions.length, chunkSectors, image.record.sectors))
    expect(snapshot.usage().exceptions).toBe(exceptions.length)
    expect(md5(await snapshot.read(0, origin.sizeBytes))).toBe(image.digest)
    await snapshot.remove({ keepStore: true })
    await origin.close()
    expect(md5(given.devices.content('cow')), 'the image after it').toBe(image.record.md5)
  })

  test.each(invalid)('$file opens as Invalid, and nothing of it can be read', async (image) => {
    const { origin, cow } = await open(image.origin, image.bytes)
    const snapshot = await origin.snapshot({ cow, store: image.line.store })
    expect(snapshot.status()).toBe('Invalid')
    await expect(snapshot.read(0, 512)).rejects.toMatchObject({ code: 'SNAPSHOT_INVALID' })
    await expect(snapshot.write(0, new Uint8Array(512))).rejects.toMatchObject({ code: 'SNAPSHOT_INVALID' })
    await origin.write(0, new Uint8Array(512))
    await snapshot.remove({ keepStore: true })
    await origin.close()
    expect(md5(given.devices.content('cow')), 'the image after it').toBe(image.record.md5)
  })

  const notZero = transient.filter(({ bytes }) => bytes.subarray(0, 4).some((byte) => byte !== 0))
  test.each(notZero)('$file, of a transient store, is refused as a store and left alone', async (image) => {
    const { origin, cow } = await open(image.origin, image.bytes)
    await expect(origin.snapshot({ cow, store: 'P' })).rejects.toMatchObject({ code: 'COW_NOT_A_STORE' })
    await origin.close()
    expect(md5(given.devices.content('cow'))).toBe(image.record.md5)
  })
})
