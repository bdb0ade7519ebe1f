/**
 * Files that cannot be written to past a size, or at all, while they are in use: RLIMIT_FSIZE answers EFBIG as a file system that
 * went bad or was remounted read-only answers EIO or EROFS. (A remount itself is refused by the system while files are open.)
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CowringError, Engine, type Origin, type StoreType } from 'cowring'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { limitFileSize, mayLimitFileSize } from '../support/faults/file-size-limit.js'
import { StampedOrigin, wrongSector } from '../support/faults/stamped-origin.js'
import { freshSeed, Random, seedFromEnvironment } from '../support/model-random.js'

const seed = seedFromEnvironment() ?? freshSeed()
const options = { chunkSectors: 8, durability: 'process-crash' } as const
const memory = (bytes: number) => ({ memory: new Uint8Array(new SharedArrayBuffer(bytes)) })

describe.skipIf(!mayLimitFileSize)(
  `with a limit on file sizes (skipped where prlimit is missing), seed ${seed}`,
  () => {
    const random = new Random(seed)
    const sectors = 2048
    const limitBytes = sectors * 512
    let folder: string
    let path: string
    let engine: Engine
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'cowring-limit-'))
      path = join(folder, 'disk')
      engine = await Engine.start({ workers: 3, arenaBytes: 2 ** 25 })
    })
    afterEach(async () => {
      limitFileSize('unlimited')
      await engine.close()
      rmSync(folder, { recursive: true })
    })

    const again = async (): Promise<Origin> => {
      limitFileSize('unlimited')
      await engine.close()
      engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 25 })
      return engine.open(path)
    }
    const listOf = () => (existsSync(`${path}.cowring`) ? readFileSync(`${path}.cowring`, 'utf8') : '')

    test.each<StoreType>(['P', 'PO', 'N'])(
      'a COW in store %s that cannot be written to its end: only its snapshot ends',
      async (store) => {
        const subject = new StampedOrigin(path, sectors, random)
        // The copies of a transient store need no more than the origin: its origin is no file, and the limit half of that.
        const image = new Uint8Array(new SharedArrayBuffer(limitBytes))
        image.set(readFileSync(path))
        const origin = await engine.open(store === 'N' ? { memory: image } : path)
        const kind = store === 'N' ? ({ chunkSectors: 8, store } as const) : { ...options, store }
        const lost = await origin.snapshot({ cow: join(folder, 'lost.cow'), name: 'lost', cowBytes: 2 ** 22, ...kind })
        const sibling = await origin.snapshot({ cow: memory(2 ** 22), name: 'sibling', ...options })
        const instant = subject.shown
        limitFileSize(store === 'N' ? limitBytes / 2 : limitBytes)
        const beside = async () => {
          const wrong = await wrongSector(lost, instant).catch((error) => {
            if (!(error instanceof CowringError) || error.code !== 'SNAPSHOT_INVALID') throw error
            return undefined
          })
          expect(wrong).toBeUndefined()
        }
        expect(await subject.overwrite(origin, { beside })).toEqual([])
        expect(lost.status()).toBe('Invalid')
        await expect(lost.read(0, 512)).rejects.toMatchObject({ message: expect.stringMatching(/EFBIG.*remove it/) })
        expect(await subject.wrong(origin)).toBeUndefined()
        expect(await wrongSector(sibling, instant)).toBeUndefined()
        if (store === 'N') return
        const reopened = await again()
        expect(reopened.snapshots.map((snapshot) => snapshot.status())).toEqual(['Invalid'])
        expect(await subject.wrong(reopened)).toBeUndefined()
      },
    )

    test('a COW whose header cannot be written either: the origin remembers that its snapshot is invalid', async () => {
      const subject = new StampedOrigin(path, sectors, random)
      const origin = await engine.open(path)
      await origin.snapshot({ cow: join(folder, 'lost.cow'), name: 'lost', ...options })
      // Enough for the list of snapshots, and not for a sector.
      limitFileSize(500)
      await expect(origin.write(0, new Uint8Array(512))).rejects.toMatchObject({ code: 'IO_ERROR' })
      expect(origin.snapshots[0]?.status()).toBe('Invalid')
      expect(listOf()).toMatch(/"invalid": *true/)
      const reopened = await again()
      expect(reopened.snapshots[0]?.status()).toBe('Invalid')
      expect(await subject.overwrite(reopened)).toEqual([])
      expect(await subject.wrong(reopened)).toBeUndefined()
    })

    test('an invalidation that could not be recorded anywhere is recorded when the origin is closed', async () => {
      const subject = new StampedOrigin(path, sectors, random)
      const origin = await engine.open(path)
      const lost = await origin.snapshot({ cow: join(folder, 'lost.cow'), name: 'lost', ...options })
      const warned = new Promise((resolve) => process.once('warning', resolve))
      limitFileSize(0)
      await expect(origin.write(0, new Uint8Array(4096))).rejects.toMatchObject({
        code: 'IO_ERROR',
        message: expect.stringMatching(/EFBIG on .*disk; check the device and try again/),
      })
      expect(lost.status()).toBe('Invalid')
      expect(await warned).toMatchObject({ message: expect.stringContaining('could not be recorded') })
      limitFileSize('unlimited')
      expect(await subject.overwrite(origin)).toEqual([])
      const reopened = await again()
      expect(reopened.snapshots[0]?.status()).toBe('Invalid')
      expect(await subject.wrong(reopened)).toBeUndefined()
    })

    test('where nothing can be written, reads go on, and what is refused has changed nothing', async () => {
      const subject = new StampedOrigin(path, sectors, random)
      const origin = await engine.open(path)
      const kept = await origin.snapshot({ cow: memory(2 ** 22), name: 'kept', ...options })
      expect(await subject.overwrite(origin, { to: 512 })).toEqual([])
      const shown = subject.shown
      limitFileSize(0)
      const cow = join(folder, 'new.cow')
      await expect(origin.snapshot({ cow, ...options })).rejects.toMatchObject({
        code: 'IO_ERROR',
        message: expect.stringMatching(/make room for \d+ bytes in the COW .*new\.cow.*EFBIG/),
      })
      expect([existsSync(cow), listOf(), origin.snapshots.length]).toEqual([false, '', 1])
      const failures = await subject.overwrite(origin)
      expect(failures.length).toBe(sectors / 8)
      expect(new Set(failures.map(({ code }) => code))).toEqual(new Set(['IO_ERROR']))
      expect(await wrongSector(origin, shown)).toBeUndefined()
      expect(await wrongSector(kept, new Array(sectors).fill(0))).toBeUndefined()
      limitFileSize('unlimited')
      expect(await subject.overwrite(origin)).toEqual([])
      expect(await subject.wrong(origin)).toBeUndefined()
      expect(await wrongSector(kept, new Array(sectors).fill(0))).toBeUndefined()
    })

    test.each(['P', 'PO'] as const)(
      'a COW in store %s that cannot be extended: as one that was never to be',
      async (store) => {
        await engine.close()
        engine = await Engine.start({
          workers: 2,
          arenaBytes: 2 ** 25,
          mapper: { autoExtend: { threshold: 70, percent: 20 } },
        })
        const subject = new StampedOrigin(path, sectors, random)
        const origin = await engine.open(path)
        const cowBytes = 2 ** 19
        const full = await origin.snapshot({ cow: join(folder, 'full.cow'), name: 'full', cowBytes, ...options, store })
        const fork = await origin.snapshot({ cow: memory(2 ** 22), name: 'fork', ...options })
        limitFileSize(limitBytes)
        expect(await subject.overwrite(origin)).toEqual([])
        expect(full.status()).toBe('Invalid')
        await expect(full.read(0, 512)).rejects.toThrow('its store was full')
        expect(await subject.wrong(origin)).toBeUndefined()
        expect(await wrongSector(fork, new Array(sectors).fill(0))).toBeUndefined()
      },
    )
  },
)
