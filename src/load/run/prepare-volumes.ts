/** Before the first request: nothing that matters may be overwritten, and what is to be read has to be there. */
import { CowringError } from '../../index.js'
import { fillWithOwnSectors } from '../lane/buffers.js'
import { type Probe, probeBytes } from '../target/open-target.js'
import { blankReading, readStamp, sectorBytes, wordsOf } from '../verify/sector-stamp.js'
import type { PlacedJob } from './targets.js'
import type { TimelineEvent } from './timeline-event.js'

/** How many places are looked at, spread over what the jobs may write. */
const samples = 256
const sampleBytes = 4096
/** What a target without snapshots calls its only volume, too. */
const originName = 'origin'

/**
 * Looks here and there at what the jobs will write to: zeroes and sectors of the harness may go.
 * What is written to a snapshot of the run is gone with it, unless it is merged. Snapshots are not there yet: they will be what the
 * origin is now.
 * Fails with DEVICE_BUSY if there is anything else.
 */
export async function refuseForeignContent(
  jobs: readonly PlacedJob[],
  events: readonly TimelineEvent[],
): Promise<void> {
  const merged = new Set(events.flatMap((event) => (event.verb === 'merge' ? [event.name] : [])))
  for (const { region, spec, target, volumeName } of jobs) {
    if (spec.readShare === 1 || target.isNew) continue
    if (volumeName !== originName && !merged.has(volumeName)) continue
    const volume = target.volume(originName)
    const pieces = Math.ceil((region.end - region.start) / sampleBytes)
    const places = Math.min(samples, pieces)
    for (let place = 0; place < places; place++) {
      const offset = region.start + Math.floor((pieces * place) / places) * sampleBytes
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

/**
 * Fills what was made for this run and is to be read, as fio lays out its files: holes would be read in no time. Of each target the
 * part from the first to the last byte that a job reads; stops early when `signal` is aborted.
 */
export async function layOut(
  jobs: readonly PlacedJob[],
  signal: AbortSignal,
  progress: (share: number) => void,
): Promise<void> {
  const read = jobs.filter(({ spec, target }) => target.isNew && spec.readShare > 0)
  const parts = [...new Set(read.map(({ target }) => target))].map((target) => {
    const regions = read.filter((job) => job.target === target).map(({ region }) => region)
    const start = Math.min(...regions.map((region) => region.start))
    return { volume: target.volume(originName), start, end: Math.max(...regions.map((region) => region.end)) }
  })
  const total = parts.reduce((sum, { end, start }) => sum + end - start, 0)
  let written = 0
  for (const { end, start, volume } of parts) {
    for (let offset = start; offset < end && !signal.aborted; offset += probeBytes) {
      const piece = new Uint8Array(Math.min(probeBytes, end - offset))
      fillWithOwnSectors(piece, offset / sectorBytes)
      await volume.write(offset, piece)
      written += piece.byteLength
      progress(written / total)
    }
  }
}
