/** Before the first request: nothing that matters may be overwritten, and what is to be read has to be there. */
import { CowringError } from '../../index.js'
import { fillWithOwnSectors } from '../lane/buffers.js'
import { type Probe, probeBytes } from '../target/open-target.js'
import { blankReading, readStamp, sectorBytes, wordsOf } from '../verify/sector-stamp.js'
import type { PlacedJob } from './targets.js'

/** How many places are looked at, spread over what the jobs may write. */
const samples = 256
const sampleBytes = 4096

/**
 * Looks here and there at what the jobs will write to: zeroes and sectors of the harness may go.
 * Fails with DEVICE_BUSY if there is anything else.
 */
export async function refuseForeignContent(jobs: readonly PlacedJob[]): Promise<void> {
  for (const { region, spec, target, volume } of jobs) {
    if (spec.readShare === 1 || target.isNew) continue
    const places = Math.min(samples, Math.ceil((region.end - region.start) / sampleBytes))
    for (let place = 0; place < places; place++) {
      const spread = ((region.end - region.start) * place) / places
      const offset = region.start + Math.floor(spread / sectorBytes) * sectorBytes
      const foreign = await foreignSector(volume, offset, Math.min(sampleBytes, region.end - offset))
      if (foreign === undefined) continue
      const text =
        `${volume.name} has content at byte ${foreign} that job '${spec.name}' would overwrite. If nobody needs it, ` +
        'say so with --overwrite; otherwise let the job work on a copy'
      throw new CowringError('DEVICE_BUSY', text, { device: volume.name, byteOffset: foreign })
    }
  }
}

async function foreignSector(volume: Probe, offset: number, byteLength: number): Promise<number | undefined> {
  const bytes = new Uint8Array(byteLength)
  await volume.read(offset, bytes)
  const words = wordsOf(bytes)
  const reading = blankReading()
  for (let at = 0; at < words.length; at += sectorBytes / 4) {
    readStamp(words, at, reading)
    const isZero = words.subarray(at, at + sectorBytes / 4).every((word) => word === 0)
    if (!reading.hasMagic && !isZero) return offset + at * 4
  }
  return undefined
}

/** Fills what was made for this run and is to be read, as fio lays out its files: holes would be read in no time. */
export async function layOut(jobs: readonly PlacedJob[], progress: (share: number) => void): Promise<void> {
  const regions = jobs.filter(({ spec, target }) => target.isNew && spec.readShare > 0)
  const total = regions.reduce((sum, { region }) => sum + region.end - region.start, 0)
  const done = new Set<string>()
  let written = 0
  for (const { region, volume } of regions) {
    const key = `${volume.name} ${region.start} ${region.end}`
    for (let offset = region.start; offset < region.end && !done.has(key); offset += probeBytes) {
      const piece = new Uint8Array(Math.min(probeBytes, region.end - offset))
      fillWithOwnSectors(piece, offset / sectorBytes)
      await volume.write(offset, piece)
      written += piece.byteLength
      progress(written / total)
    }
    done.add(key)
  }
}
