/**
 * The servers, each with the settings that suit 4 KiB requests best. All serve the one image of the workplace, and keep
 * what they keep beside it.
 *
 * None of the rivals' snapshots outlives a power cut, and none is asked to; ours therefore has the durability
 * `process-crash`, which is already more than they promise.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readlinkSync } from 'node:fs'
import type { Workplace } from '../grid/workplace.js'
import { isAddressList } from './address-lists.js'
import { imageName, type Peer } from './peer.js'
import { isInstalled, run } from './programs.js'
import { Server } from './server.js'

const kib = 1024
const sectorBytes = 512

export interface PeerChoices {
  readonly chunkSectors: number
  readonly qemuAio: string
}

export function peers({ chunkSectors, qemuAio }: PeerChoices): Peer[] {
  return [
    cowring('origin', chunkSectors),
    cowring('snapshot', chunkSectors),
    nbdkitCow(),
    qcow2Overlay(4 * kib, qemuAio),
    qcow2Overlay(64 * kib, qemuAio),
    copyBeforeWrite(qemuAio),
    nbdkitFile(),
  ]
}

const commandLine = new URL('../../src/cli/main.js', import.meta.url).pathname

function cowring(device: 'origin' | 'snapshot', chunkSectors: number): Peer {
  const choices = ourChoices(chunkSectors)
  return {
    ...cowringWith(1, chunkSectors),
    name: `cowring ${device}`,
    settings: `the ${device} of cowring serve --snapshot snap=COW,${choices}`,
    // The only image is also the export without a name.
    exportName: device === 'origin' ? '' : 'snap',
    copiedExport: device === 'origin' ? undefined : 'snap',
  }
}

const ourChoices = (chunkSectors: number): string => `chunk=${chunkSectors},store=P,durability=process-crash`

/** The origin of our server, with so many snapshots in stores of their own. The first of them is `snap`. */
export function cowringWith(snapshots: number, chunkSectors: number): Peer {
  const choices = ourChoices(chunkSectors)
  return {
    name: `cowring, ${(chunkSectors * sectorBytes) / kib} KiB chunks`,
    kind: 'ours',
    settings: `the origin of cowring serve with ${snapshots} times --snapshot NAME=COW,${choices}`,
    missing: () => (hasServe() ? undefined : 'this build has no command serve'),
    granuleBytes: chunkSectors * sectorBytes,
    exportName: '',
    copiedExport: undefined,
    changedExport: '',
    start(place) {
      const socket = freshPath(place, 'cowring.sock')
      const stores = Array.from({ length: snapshots }, (_, index) => freshPath(place, `cowring-${index}.cow`))
      const taken = stores.flatMap((store, index) => [
        '--snapshot',
        `${index === 0 ? 'snap' : `snap-${index}`}=${store},${choices}`,
      ])
      const words = ['serve', '--listen', `unix:${socket}`, ...taken, place.path(imageName)]
      return Server.listen(process.execPath, [commandLine, ...words], socket, stores[0])
    },
  }
}

/** An unknown command answers `--help` too, with the help of all. */
const hasServe = (): boolean =>
  spawnSync(process.execPath, [commandLine, 'serve', '--help'], { encoding: 'utf8' }).stdout.includes('--snapshot')

export function nbdkitCow(): Peer {
  return {
    name: 'nbdkit cow',
    kind: 'rival',
    settings: 'nbdkit --filter=cow file IMAGE cow-block-size=4096, its overlay beside the image',
    missing: () => missingProgram('nbdkit'),
    granuleBytes: 4 * kib,
    exportName: '',
    copiedExport: '',
    changedExport: '',
    start(place) {
      const socket = freshPath(place, 'nbdkit-cow.sock')
      const words = ['-f', '-U', socket, '--filter=cow', 'file', place.path(imageName), 'cow-block-size=4096']
      // The overlay is a file in the folder for temporary files, removed as soon as it is open.
      const overlay = (processId: number) => removedFile(processId, place.folder)
      return Server.listen('nbdkit', words, socket, overlay, { TMPDIR: place.folder })
    },
  }
}

export function nbdkitFile(): Peer {
  return {
    name: 'nbdkit file',
    kind: 'ceiling',
    settings: 'nbdkit file IMAGE: no snapshots at all',
    missing: () => missingProgram('nbdkit'),
    granuleBytes: 4 * kib,
    exportName: '',
    copiedExport: '',
    changedExport: '',
    start(place) {
      const socket = freshPath(place, 'nbdkit-file.sock')
      return Server.listen('nbdkit', ['-f', '-U', socket, 'file', place.path(imageName)], socket)
    },
  }
}

export function qcow2Overlay(clusterBytes: number, aio: string): Peer {
  return {
    name: `qcow2 overlay ${clusterBytes / kib}k`,
    kind: 'rival',
    settings: `qemu-nbd --aio=${aio} on an overlay with cluster_size=${clusterBytes / kib}k`,
    missing: () => missingProgram('qemu-nbd') ?? missingProgram('qemu-img'),
    granuleBytes: clusterBytes,
    exportName: '',
    copiedExport: '',
    changedExport: '',
    async start(place) {
      const socket = freshPath(place, 'qemu-nbd.sock')
      const overlay = freshPath(place, 'overlay.qcow2')
      const backing = ['-b', place.path(imageName), '-F', 'raw']
      await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', `cluster_size=${clusterBytes}`, ...backing, overlay])
      const words = ['-t', '-e', '16', '-f', 'qcow2', `--aio=${aio}`, '-k', socket, overlay]
      return Server.listen('qemu-nbd', words, socket, overlay)
    },
  }
}

/** Writes go to the image after the old data have gone to the target; `snap` reads the target, or the image. */
const copyBeforeWrite = (aio: string): Peer => ({ ...copyBeforeWriteStack(1, aio), name: 'qemu copy-before-write' })

/** The same with so many filters, one on top of the other, each with a target of its own. `snap` is at the lowest. */
export function copyBeforeWriteStack(filters: number, aio: string): Peer {
  return {
    name: 'qemu copy-before-write, stacked',
    kind: 'rival',
    settings: `qemu-storage-daemon, aio=${aio}, to a qcow2 target; it copies 64 KiB at least`,
    missing: () => missingProgram('qemu-storage-daemon') ?? missingProgram('qemu-img'),
    granuleBytes: 64 * kib,
    exportName: 'origin',
    copiedExport: filters > 0 ? 'snap' : undefined,
    changedExport: 'origin',
    async start(place) {
      const socket = freshPath(place, 'qemu-cbw.sock')
      const targets = Array.from({ length: filters }, (_, index) => freshPath(place, `target-${index}.qcow2`))
      const bytes = String(place.originBytes)
      for (const target of targets) await run('qemu-img', ['create', '-q', '-f', 'qcow2', target, bytes])
      const nodes = [
        `driver=file,node-name=image-file,filename=${place.path(imageName)},aio=${aio}`,
        'driver=raw,node-name=below-0,file=image-file',
        ...targets.flatMap((target, index) => [
          `driver=file,node-name=target-file-${index},filename=${target},aio=${aio}`,
          `driver=qcow2,node-name=target-${index},file=target-file-${index}`,
          `driver=copy-before-write,node-name=below-${index + 1},file=below-${index},target=target-${index},on-cbw-error=break-snapshot`,
        ]),
        ...(filters > 0 ? ['driver=snapshot-access,node-name=snap,file=below-1'] : []),
      ]
      const words = [
        ...nodes.flatMap((node) => ['--blockdev', node]),
        ...['--nbd-server', `addr.type=unix,addr.path=${socket},max-connections=0`],
        ...['--export', `type=nbd,id=e1,node-name=below-${filters},name=origin,writable=on`],
        ...(filters > 0 ? ['--export', 'type=nbd,id=e2,node-name=snap,name=snap'] : []),
      ]
      return Server.listen('qemu-storage-daemon', words, socket, targets[0])
    },
  }
}

const missingProgram = (program: string): string | undefined =>
  isInstalled(program) ? undefined : `${program} is not installed`

function freshPath(place: Workplace, name: string): string {
  place.remove(name)
  return place.path(name)
}

/** The one file in `folder` that a process has open and that has no name any more, as a path to look at. */
function removedFile(processId: number, folder: string): string {
  const descriptors = `/proc/${processId}/fd`
  for (const descriptor of readdirSync(descriptors)) {
    const link = `${descriptors}/${descriptor}`
    const target = readlinkSync(link)
    if (target.startsWith(`${folder}/`) && target.endsWith(' (deleted)')) return link
  }
  throw new Error(`process ${processId} has no overlay in '${folder}'`)
}

/** What a peer has left in the workplace: its socket, its store, and what an image of ours remembers of its snapshots. */
export function removeLeftovers(place: Workplace): void {
  for (const name of readdirSync(place.folder)) {
    if (name !== imageName && !isAddressList(name)) place.remove(name)
  }
}
