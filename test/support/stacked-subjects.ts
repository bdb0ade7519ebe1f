/** Contract subjects that are stacked on others: maps, stripes and a flakey file that is up. */
import { MapFile } from '../../src/io/map-file.js'
import { MemoryFile } from '../../src/io/memory-file.js'
import { FlakeyFile } from '../../src/io/odd-files.js'
import { StripeFile } from '../../src/io/stripe-file.js'
import type { ContractSubject } from '../contract/block-file-contract.js'
import { sharedArena } from './contract-files.js'

const sector = 512

/** Where the parts of a map end: nowhere near a page, some one sector long. */
const cuts = [1, 2, 9, 1024 + 3, 1024 + 4, 8191]

/**
 * Parts in an order of their own on one file, with gaps between them, so that a wrong offset meets foreign bytes. `below` is
 * asked for a file long enough; what is in its gaps must not matter.
 */
export function mapSubject(byteLength: number, below: (byteLength: number) => ContractSubject): ContractSubject {
  const starts = [0, ...cuts.map((cut) => cut * sector)]
  const gap = 5 * sector
  const whole = below(byteLength + (starts.length + 1) * gap)
  const parts = starts.map((start, index) => ({
    start,
    byteLength: (starts[index + 1] ?? byteLength) - start,
    // The first part lies last, so that parts are not laid out in their order.
    fileOffset: index === 0 ? byteLength + gap * starts.length : start - (starts[1] ?? 0) + gap * index,
  }))
  return {
    arena: whole.arena,
    another: () => {
      const file = whole.another()
      return new MapFile(parts.map((part) => ({ ...part, file })))
    },
    dispose: whole.dispose,
  }
}

export function memorySubject(byteLength: number, arena = sharedArena(8 << 20)): ContractSubject {
  const region = new Uint8Array(new SharedArrayBuffer(byteLength))
  return { arena, another: () => new MemoryFile(region, arena), dispose: () => {} }
}

/** Three columns and a chunk of seven sectors: neither is a power of two. */
export function stripeSubject(byteLength: number): ContractSubject {
  const chunkBytes = 7 * sector
  const arena = sharedArena(8 << 20)
  const share = Math.ceil(Math.ceil(byteLength / chunkBytes) / 3) * chunkBytes
  const columns = [0, 3 * sector, 11 * sector].map((fileOffset) => ({
    fileOffset,
    subject: memorySubject(fileOffset + share, arena),
  }))
  return {
    arena,
    another: () =>
      new StripeFile(
        columns.map(({ fileOffset, subject }) => ({ file: subject.another(), fileOffset })),
        chunkBytes,
        byteLength,
        (column) => {
          throw new Error(`column ${column} failed`)
        },
      ),
    dispose: () => {},
  }
}

/** Always up, on a stretch inside a longer file. */
export function flakeySubject(byteLength: number, below: (byteLength: number) => ContractSubject): ContractSubject {
  const fileOffset = 3 * sector
  const whole = below(byteLength + 2 * fileOffset)
  const faults = { failReads: true, failWrites: true, dropWrites: true }
  return {
    arena: whole.arena,
    another: () =>
      new FlakeyFile(whole.another(), fileOffset, byteLength, { startedMs: 0, upMs: 1000, downMs: 0 }, faults),
    dispose: whole.dispose,
  }
}
