/**
 * The rival of an idle merge: `qemu-img commit` of a qcow2 overlay that has every cluster of its image, of the size of our chunks and
 * written in the same order. It goes through the image from its beginning, whatever the order in the overlay. The overlay keeps what it
 * has (`-d`), so the next round commits the same again. Starting the program is part of the time.
 */
import { writeFileSync } from 'node:fs'
import { logOf } from '../../peers/address-lists.js'
import { imageName } from '../../peers/peer.js'
import { qcow2Overlay } from '../../peers/peer-list.js'
import { isInstalled, run } from '../../peers/programs.js'
import type { Workplace } from '../workplace.js'
import { orderOf } from './arrangement.js'
import type { IdleMerge } from './merge-case.js'

const overlayName = 'overlay.qcow2'
const logName = 'commit-order.log'
const programs = ['qemu-img', 'qemu-nbd', 'fio']

export const qemuCommitName = 'qemu-img commit'

/** One row for each arrangement: a rival takes as long as the merge that it stands beside. */
export const hasQemuCommit = ({ chunkBytes, durability }: IdleMerge): boolean =>
  chunkBytes === 16 * 1024 && durability === 'process-crash'

/** Why it cannot be measured here; `undefined` if it can. */
export function qemuCommitLacks(): string | undefined {
  const missing = programs.filter((program) => !isInstalled(program))
  return missing.length === 0
    ? undefined
    : `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not installed`
}

export class QemuCommit implements Disposable {
  readonly #place: Workplace

  private constructor(place: Workplace) {
    this.#place = place
  }

  static async prepare({ arrangement, chunkBytes }: IdleMerge, place: Workplace, bytes: number): Promise<QemuCommit> {
    const commit = new QemuCommit(place)
    place.fill(place.path(imageName), bytes)
    const order = orderOf(arrangement, bytes / chunkBytes, 1)
    writeFileSync(place.path(logName), logOf(order, chunkBytes, chunkBytes))
    const overlay = qcow2Overlay(chunkBytes, 'threads')
    const server = await overlay.start(place)
    try {
      // One request at a time: clusters come to lie in the order of the list.
      await run('fio', [
        ...['--name=fill', '--ioengine=nbd', '--thread', `--uri=${server.uri('')}`, '--iodepth=1'],
        ...[`--read_iolog=${place.path(logName)}`, `--bs=${chunkBytes}`, `--io_size=${bytes}`, '--output-format=json'],
      ])
    } finally {
      await server.stop()
    }
    return commit
  }

  /** How many seconds it took. */
  async commit(): Promise<number> {
    const startedMs = performance.now()
    await run('qemu-img', ['commit', '-q', '-d', '-t', 'writeback', '-f', 'qcow2', this.#place.path(overlayName)])
    return (performance.now() - startedMs) / 1000
  }

  [Symbol.dispose](): void {
    for (const name of [imageName, overlayName, logName, 'qemu-nbd.sock']) this.#place.remove(name)
  }
}
