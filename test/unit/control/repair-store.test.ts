/** Repairs between files: what the new one may be, what a failure leaves behind. */
import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { describe, expect, it } from 'vitest'
import { holdFile } from '../../../src/control/hold-file.js'
import { inspectStore } from '../../../src/control/inspect-store.js'
import { repairStore } from '../../../src/control/repair-store.js'
import { RepairTarget, requireBlank } from '../../../src/control/repair-target.js'
import { geometryOf } from '../../../src/format/geometry.js'
import { storeByHand } from '../../support/store-by-hand.js'
import { newChunkOf } from '../../support/store-image.js'
import { temporaryFolder } from '../io/temporary-folder.js'

const at = temporaryFolder()
let number = 0

function damaged(): string {
  const path = at(`damaged-${number++}`)
  const entries = [
    [7, 2],
    [3, 900],
    [5, 4],
  ] as const
  writeFileSync(path, storeByHand({ entries }))
  return path
}

const fresh = () => at(`new-${number++}`)
const filesNow = () => readdirSync(at('')).map((name) => [name, readFileSync(at(name)).toString('base64')])

describe('the new store', () => {
  it('is a file for its owner only, of the size of the old one; the old one is as it was', async () => {
    const from = damaged()
    const before = readFileSync(from)
    const to = fresh()
    const report = await repairStore(from, to)
    expect(report).toMatchObject({ from, to, chunkSectors: 8, entries: 3, kept: 2, notes: [] })
    expect(report.lost).toEqual([{ offset: 3 * 4096, length: 4096 }])
    expect(readFileSync(from).equals(before)).toBe(true)
    expect([statSync(to).size, statSync(to).mode & 0o777]).toEqual([before.byteLength, 0o600])
    using inspection = await inspectStore(to)
    expect(await inspection.report()).toMatchObject({ entries: 2, problems: [], remarks: [] })
  })

  it('may be an empty file, or one that is blank and long enough', async () => {
    const empty = fresh()
    writeFileSync(empty, '')
    expect((await repairStore(damaged(), empty)).kept).toBe(2)
    const blank = fresh()
    writeFileSync(blank, '')
    truncateSync(blank, 5 * 4096)
    expect((await repairStore(damaged(), blank)).kept).toBe(2)
    expect(statSync(blank).size).toBe(5 * 4096)
    using inspection = await inspectStore(blank)
    expect(await inspection.report()).toMatchObject({ entries: 2, problems: [], remarks: [] })
  })

  it('leaves out what the origin has no place for, whose length comes from a number or from its file', async () => {
    const origin = at('origin')
    writeFileSync(origin, Buffer.alloc(6 * 4096))
    for (const options of [{ origin }, { originSectors: 48 }]) {
      const report = await repairStore(damaged(), fresh(), options)
      expect(report.dropped.map(({ entry }) => entry)).toEqual([0, 1])
    }
  })
})

describe('a repair that is refused leaves everything as it was', () => {
  it.each<[string, string, (from: string) => string]>([
    ['the same path', 'INVALID_ARGUMENT', (from) => from],
    [
      'a hard link to the damaged store',
      'INVALID_ARGUMENT',
      (from) => {
        linkSync(from, `${from}.hard`)
        return `${from}.hard`
      },
    ],
    [
      'a symbolic link to it',
      'INVALID_ARGUMENT',
      (from) => {
        symlinkSync(from, `${from}.link`)
        return `${from}.link`
      },
    ],
    [
      'a symbolic link to nothing',
      'IO_ERROR',
      (from) => {
        symlinkSync(`${from}.none`, `${from}.dangling`)
        return `${from}.dangling`
      },
    ],
    [
      'a file that begins with zeroes and is not blank',
      'INVALID_ARGUMENT',
      (from) => {
        const image = Buffer.alloc(2 ** 20)
        image[1024] = 0x53
        writeFileSync(`${from}.ext4`, image)
        return `${from}.ext4`
      },
    ],
    [
      'a blank file that is too short',
      'COW_TOO_SMALL',
      (from) => {
        writeFileSync(`${from}.short`, Buffer.alloc(3 * 4096))
        return `${from}.short`
      },
    ],
    ['a folder', 'DEVICE_UNSUPPORTED', () => at('')],
    ['a path in a folder that is not there', 'DEVICE_MISSING', () => at('nowhere/new')],
  ])('%s', async (_, code, target) => {
    const from = damaged()
    const to = target(from)
    const links = readdirSync(at('')).filter((name) => name.endsWith('.dangling'))
    const files = () => filesNowBut(links)
    const before = files()
    await expect(repairStore(from, to)).rejects.toMatchObject({ code })
    expect(files()).toEqual(before)
  })

  it('options that contradict each other or are no numbers', async () => {
    const to = fresh()
    const refused = { code: 'INVALID_ARGUMENT' }
    await expect(repairStore(damaged(), to, { originSectors: 0.5 })).rejects.toMatchObject(refused)
    await expect(repairStore(damaged(), to, { originSectors: 8, origin: damaged() })).rejects.toMatchObject(refused)
    await expect(repairStore(damaged(), to, { chunkSectors: 3 })).rejects.toMatchObject(refused)
    const origin = damaged()
    await expect(repairStore(damaged(), origin, { origin })).rejects.toMatchObject(refused)
    expect(existsSync(to)).toBe(false)
  })

  it('a damaged store that is in use', async () => {
    const from = damaged()
    const to = fresh()
    const held = holdFile(from, 'COW')
    await expect(repairStore(from, to)).rejects.toMatchObject({ code: 'DEVICE_BUSY' })
    held.release()
    expect(existsSync(to)).toBe(false)
  })

  it('a new file that is in use', async () => {
    const to = fresh()
    const held = holdFile(to, 'COW')
    await expect(repairStore(damaged(), to)).rejects.toMatchObject({ code: 'DEVICE_BUSY' })
    held.release()
    expect(readFileSync(to)).toHaveLength(0)
  })
})

function filesNowBut(links: readonly string[]) {
  if (links.length === 0) return filesNow()
  return readdirSync(at(''))
    .filter((name) => !links.includes(name))
    .map((name) => [name, readFileSync(at(name)).toString('base64')])
}

describe('a repair that is stopped', () => {
  it('rejects with the reason it was given and leaves no file', async () => {
    const from = at('long')
    const entries = Array.from({ length: 2000 }, (_, index) => [index, newChunkOf(index, 8)] as const)
    writeFileSync(from, storeByHand({ entries, chunks: 2010 }))
    const controller = new AbortController()
    const to = fresh()
    const stopWhenMade = setInterval(() => existsSync(to) && controller.abort('enough'), 0)
    await expect(repairStore(from, to, { signal: controller.signal })).rejects.toBe('enough')
    clearInterval(stopWhenMade)
    expect(existsSync(to)).toBe(false)
    expect((await repairStore(from, to)).kept).toBe(2000)
  })
})

describe('a failure while the new store is written', () => {
  const written = async (target: RepairTarget) => {
    const bytes = target.open(64 * 4096)
    await requireBlank(bytes, geometryOf(8), 10)
    await bytes.write(Buffer.alloc(4096, 1), 8192)
    await bytes.write(Buffer.alloc(512, 2), 0)
    await target.takeBack()
    target.close()
  }

  it('removes a file that was made', async () => {
    const to = fresh()
    await written(new RepairTarget(to))
    expect(existsSync(to)).toBe(false)
  })

  it('empties a file that was empty', async () => {
    const to = fresh()
    writeFileSync(to, '')
    await written(new RepairTarget(to))
    expect(readFileSync(to)).toHaveLength(0)
  })

  it('makes a file blank again that was blank, and changes nothing behind what was written', async () => {
    const to = fresh()
    const before = Buffer.alloc(2 ** 21)
    before[2 ** 21 - 1] = 9
    writeFileSync(to, before)
    await written(new RepairTarget(to))
    expect(readFileSync(to).equals(before)).toBe(true)
  })
})
