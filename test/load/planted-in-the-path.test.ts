/**
 * Bugs below the engine: files of an origin and of a snapshot's store are altered behind its back, while jobs read. The page cache is
 * shared, and the engine keeps no data of its own, so that it is as if it had written the wrong thing.
 */
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { VerificationResult } from '../../src/load/result/load-result.js'
import { type CheckedLoad, LoadFolder } from '../support/load/checked-load.js'

let folder: LoadFolder
let run: Promise<CheckedLoad>
beforeEach(() => {
  folder = new LoadFolder()
})
afterEach(async () => {
  await run
  await folder.close()
})

const chunkBytes = 4096
const magic = Buffer.from('cowring!')

/** Blocks are written for a second, and a snapshot taken meanwhile; then they are only read, and the test has its turn. */
async function begin(...events: string[]): Promise<{ image: Buffer; cow: Buffer }> {
  const jobs = folder.at('jobs.fio')
  const target = `cowring:${folder.at('disk')},size=4m,durability=process-crash`
  const job = `target=${target}\nverify=sectors\nbs=4k\niodepth=4\ntime_based\n`
  writeFileSync(
    jobs,
    `[write]\n${job}rw=randwrite\nruntime=1500ms\n[read]\nstonewall\n${job}rw=randread\nthinktime=100us\nruntime=${events.length > 0 ? 8 : 20}\n`,
  )
  const words = ['500ms snapshot monday chunk=8', ...events].flatMap((event) => ['--at', event])
  run = folder.load(jobs, ...words)
  run.catch(() => {})
  await untilStill(() => readFileSync(folder.at('disk')))
  return { image: readFileSync(folder.at('disk')), cow: readFileSync(folder.at('disk.monday.cow')) }
}

/** Until the last write is done, and has been for a while. */
async function untilStill(look: () => Buffer): Promise<void> {
  let last: Buffer | undefined
  for (let stillFor = 0, tries = 0; stillFor < 3; tries++) {
    if (tries > 200) throw new Error('the image does not come to rest')
    await new Promise((resolve) => setTimeout(resolve, 150))
    const now = lookIfThere(look)
    stillFor = now !== undefined && last?.equals(now) && now.includes(magic) ? stillFor + 1 : 0
    last = now
  }
}

function lookIfThere(look: () => Buffer): Buffer | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}

function overwrite(name: string, offset: number, bytes: Uint8Array): void {
  const file = openSync(folder.at(name), 'r+')
  writeSync(file, bytes, 0, bytes.length, offset)
  closeSync(file)
}

/** A chunk in the store that was written before the snapshot was taken, and since. */
function copiedChunk(cow: Buffer, image: Buffer): { cowOffset: number; offset: number } {
  for (let cowOffset = 2 * chunkBytes; cowOffset < cow.length; cowOffset += chunkBytes) {
    if (!cow.subarray(cowOffset, cowOffset + 8).equals(magic)) continue
    const offset = cow.readUInt32LE(cowOffset + 24) * 512
    if (offset % chunkBytes !== 0 || writeOf(cow, cowOffset) === 0) continue
    if (writeOf(image, offset) !== writeOf(cow, cowOffset)) return { cowOffset, offset }
  }
  throw new Error('nothing was copied')
}

const writeOf = (bytes: Buffer, offset: number): number => bytes.readUInt32LE(offset + 32)

async function onlyViolation(): Promise<VerificationResult['violations'][number]> {
  const { code, verification } = await run
  expect(code).toBe(1)
  expect(verification.moreViolations).toBe(0)
  const [violation, ...others] = verification.violations
  expect(others).toEqual([])
  if (violation === undefined) throw new Error('nothing was found')
  return violation
}

describe('the story is about the right volume when', () => {
  it('a bit of the origin flips', async () => {
    const { image } = await begin()
    const offset = 100 * chunkBytes + 512
    overwrite('disk', offset + 300, Uint8Array.of(image.readUInt8(offset + 300) ^ 1))
    const { story, ...rest } = await onlyViolation()
    expect(rest).toMatchObject({ kind: 'corrupt', volume: 'origin', sector: offset / 512 })
    expect(story).toContain(`write ${writeOf(image, offset)} of job 'write'`)
    expect(story).toContain('bit 0 of byte 300')
    expect(story).toContain('it is wrong still')
  })

  it('the origin loses a write', async () => {
    const { cow, image } = await begin()
    const { cowOffset, offset } = copiedChunk(cow, image)
    overwrite('disk', offset, cow.subarray(cowOffset, cowOffset + chunkBytes))
    const { story, ...rest } = await onlyViolation()
    expect(rest).toMatchObject({ kind: 'lost write', volume: 'origin', sector: offset / 512 })
    const sectors = `sectors ${offset / 512}–${offset / 512 + 7}`
    expect(story).toContain(`found     write ${writeOf(cow, cowOffset)} of job 'write'`)
    expect(story).toContain(`the write ${writeOf(image, offset)}: ${sectors}: 8 of 8 do not have it`)
  })

  it('a snapshot shows a later write, as if the copy of a chunk was lost', async () => {
    const { cow, image } = await begin()
    const { cowOffset, offset } = copiedChunk(cow, image)
    overwrite('disk.monday.cow', cowOffset, image.subarray(offset, offset + chunkBytes))
    const { story, ...rest } = await onlyViolation()
    expect(rest).toMatchObject({ kind: 'changed', volume: 'monday', sector: offset / 512 })
    expect(story).toContain(`expected  write ${writeOf(cow, cowOffset)}`)
    expect(story).toContain(`found     write ${writeOf(image, offset)} of volume 'origin'`)
  })

  it('a byte of a store is another', async () => {
    const { cow, image } = await begin()
    const { cowOffset, offset } = copiedChunk(cow, image)
    overwrite('disk.monday.cow', cowOffset + 100, Uint8Array.of(cow.readUInt8(cowOffset + 100) ^ 0xff))
    const { story, ...rest } = await onlyViolation()
    expect(rest).toMatchObject({ kind: 'corrupt', volume: 'monday', sector: offset / 512 })
    expect(story).toContain('its checksum is wrong')
  })

  it('a merge forgets a chunk', async () => {
    const { cow, image } = await begin('4500ms merge monday')
    const { cowOffset, offset } = copiedChunk(cow, image)
    const merged = (): boolean => writeOf(readFileSync(folder.at('disk')), offset) === writeOf(cow, cowOffset)
    for (let tries = 0; !merged(); tries++) {
      if (tries > 1000) throw new Error('the merge does not come')
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    overwrite('disk', offset, image.subarray(offset, offset + chunkBytes))
    const { story, ...rest } = await onlyViolation()
    expect(rest).toMatchObject({ kind: 'changed', volume: 'origin', sector: offset / 512 })
    expect(story).toContain(`expected  write ${writeOf(cow, cowOffset)}`)
    expect(story).toContain("as it was in 'monday', which was merged")
    expect(story).toContain(`found     write ${writeOf(image, offset)}`)
  })
})

describe('a snapshot that overflows', () => {
  it.each(['P', 'PO'])('is not checked, and that is no violation (store %s)', async (store) => {
    const target = `cowring:${folder.at('disk')},size=8m,durability=process-crash`
    const job = ['--rw', 'randrw', '--iodepth', '8', '--verify', 'sectors', '--runtime', '1500ms', '--time_based']
    const small = `300ms snapshot small chunk=8 size=1m store=${store}`
    run = folder.load('--target', target, ...job, '--at', small, '--at', '300ms snapshot large')
    const { code, verification } = await run
    expect(verification.violations).toEqual([])
    expect(verification.unchecked).toEqual([{ volume: 'small', reason: expect.stringContaining('its store was full') }])
    expect(verification.readToTheEnd).toEqual(['origin', 'large'])
    expect(code).toBe(0)
  })
})

describe('a snapshot that jobs write to', () => {
  it('is checked against what they wrote, and so is the origin when it has been merged', async () => {
    const target = `cowring:${folder.at('disk')},size=16m,snapshots=2,durability=process-crash`
    const job = 'verify=sectors\nrw=randrw\niodepth=8\nbsrange=512-16k\n'
    const ofSnapshot = `[s]\n${job}target=${target},volume=s0\noffset=2m\nsize=4m\n`
    const ofOrigin = `[o]\n${job}target=${target}\nstonewall\nsize=8m\ntime_based\nruntime=3\n`
    writeFileSync(folder.at('jobs.fio'), `${ofSnapshot}${ofOrigin}`)
    run = folder.load(folder.at('jobs.fio'), '--at', '2s merge s0')
    const { code, result, verification } = await run
    expect(verification).toMatchObject({ violations: [], moreViolations: 0, unchecked: [] })
    expect(verification.readToTheEnd.toSorted()).toEqual(['origin', 's1'])
    expect(result.timeline.map(({ failure, text }) => [text, failure])).toEqual([['merge s0', undefined]])
    expect(code).toBe(0)
  })
})
