import { describe, expect, test } from 'vitest'
import { engineAndDevices } from '../support/engine-and-devices.js'
import { type RecordedImage, recordedImages } from '../support/recorded-images.js'
import { readRecording } from '../support/recording.js'
import { decodeStore } from '../support/store-image.js'
import { imageBytes, recordingNames, recordingPath } from './recordings-folder.js'

/** Any store with exceptions that the kernel left; each test changes its header. */
const kernelStore = firstStore()

function firstStore(): RecordedImage | undefined {
  for (const name of recordingNames) {
    const image = recordedImages(readRecording(recordingPath(name))).find(hasExceptions)
    if (image !== undefined) return image
  }
  return undefined
}

function hasExceptions({ record, line }: RecordedImage): boolean {
  const store = line.store === 'P' ? decodeStore(imageBytes(record.file)) : undefined
  return store?.valid === true && store.exceptions.length > 0
}

const fields = { magic: 0, valid: 4, version: 8, chunkSectors: 12, unused: 16 } as const

describe('a store of the kernel with a changed header', () => {
  const given = engineAndDevices()

  /** The status of the snapshot, or the code it was refused with; the COW must come out as it went in. */
  async function openWith(
    changes: Partial<Record<keyof typeof fields, number>>,
    chunkSectors?: number,
  ): Promise<string> {
    if (kernelStore === undefined) throw new Error('no recording has a store with exceptions')
    const image = Buffer.from(imageBytes(kernelStore.record.file))
    for (const [field, offset] of Object.entries(fields)) {
      const value = changes[field as keyof typeof fields]
      if (value !== undefined) image.writeUInt32LE(value, offset)
    }
    given.devices.fill('origin', kernelStore.origin)
    given.devices.fill('cow', image)
    const origin = await given.engine.open(given.devices.path('origin'))
    const options = { cow: given.devices.path('cow'), store: 'P' } as const
    const answer = await origin.snapshot(chunkSectors === undefined ? options : { ...options, chunkSectors }).then(
      async (snapshot) => {
        const status = snapshot.status()
        await snapshot.remove({ keepStore: true })
        return status
      },
      (error: { code?: string }) => error.code ?? String(error),
    )
    await origin.close()
    expect(given.devices.content('cow').equals(image), 'COW untouched').toBe(true)
    return answer
  }

  const restingStatus = /^\d+\/\d+ \d+$/

  test('another magic is no store', async () => {
    expect(await openWith({ magic: 0x70416e54 })).toBe('COW_NOT_A_STORE')
  })

  test.each([0, 2, 0xffffffff])('version %i is refused', async (version) => {
    expect(await openWith({ version })).toBe('STORE_VERSION')
  })

  test('a cleared valid field opens as Invalid', async () => {
    expect(await openWith({ valid: 0 })).toBe('Invalid')
  })

  test.each([2, 0xffffffff])('valid field %i is as good as 1', async (valid) => {
    const untouched = await openWith({})
    expect(untouched).toMatch(restingStatus)
    expect(await openWith({ valid })).toBe(untouched)
  })

  test('the chunk size of the header overrides the one asked for', async () => {
    const untouched = await openWith({})
    for (const chunkSectors of [1, 8, 128]) expect(await openWith({}, chunkSectors)).toBe(untouched)
  })

  test.each([0, 3, 12, 4194304, 0xffffffff])('chunk size %i in the header is refused', async (chunkSectors) => {
    expect(await openWith({ chunkSectors })).toBe('STORE_CORRUPT')
  })

  test('an illegal chunk size counts before the version and before an invalid mark', async () => {
    expect(await openWith({ chunkSectors: 12, version: 2 })).toBe('STORE_CORRUPT')
    expect(await openWith({ chunkSectors: 12, valid: 0 })).toBe('STORE_CORRUPT')
  })

  test('the version counts before an invalid mark', async () => {
    expect(await openWith({ version: 2, valid: 0 })).toBe('STORE_VERSION')
  })

  test('the rest of the header chunk is ignored', async () => {
    expect(await openWith({ unused: 0xdeadbeef })).toBe(await openWith({}))
  })
})
