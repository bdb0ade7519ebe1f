/** `cowring serve`. */
import type { Command } from 'commander'
import type { ListenAddress } from '../nbd/uri.js'
import { collected, exampleText, type Finish, wholeFrom } from './command-parts.js'
import { addMetricsOptions, type MetricsFlags, metricsAddress } from './metrics-options.js'
import { addNbdOptions, type NbdFlags, nbdOptions, parseAddress } from './serve/nbd-options.js'
import { serve } from './serve/serve.js'
import { parseSnapshots, type SnapshotSpec } from './serve/snapshot-spec.js'

interface ServeFlags extends NbdFlags, MetricsFlags {
  readonly listen?: ListenAddress
  readonly export?: readonly string[]
  readonly snapshot?: readonly SnapshotSpec[]
  readonly readOnly?: boolean
  readonly workers?: number
  readonly run?: string
}

export function addServe(program: Command, finish: Finish): void {
  const command = program
    .command('serve')
    .description(
      'serve disk images and their snapshots over NBD, until SIGTERM. Each image and each snapshot is an export; an only image is the default one, too.',
    )
    .argument('<image...>', 'files or block devices; the snapshots they remember come with them')
    .option('--listen <address>', 'unix:PATH, tcp:HOST:PORT (default: $XDG_RUNTIME_DIR/cowring-nbd.sock)', parseAddress)
    .option('--export <name>', "an image's name, once for each in their order (default: the file's)", collected)
    .option(
      '--snapshot <[image/]name=cow>',
      'take a snapshot first; can be repeated. A new COW is sparse. With several images, name the one it is of. Behind it: ,chunk=SECTORS ,store=P|PO|N ,durability=power-loss|process-crash|none ,size=BYTES',
      parseSnapshots,
    )
    .option('--read-only', 'refuse every write')
    .option('--workers <number>', 'worker threads (default: one per core, at most 8)', wholeFrom(1, 16))
  addMetricsOptions(addNbdOptions(command))
    .option('--run <command>', 'run a shell command with $uri and $unixsocket, serve while it runs, exit as it does')
    .addHelpText(
      'after',
      exampleText(
        'cowring serve --snapshot monday=monday.cow disk.img',
        "cowring serve --snapshot now=/tmp/now.cow,store=N --run 'nbdinfo --list $uri' disk.img",
        'cowring serve --listen tcp:0.0.0.0:10809 --tls-certificates /etc/pki/nbd disk.img',
      ),
    )
    .action(async (images: readonly string[], flags: ServeFlags, own: Command) => {
      const { export: names = [], readOnly = false, snapshot: snapshots = [] } = flags
      if (names.length > images.length) own.error(`error: ${names.length} names for ${images.length} images`)
      if (readOnly && snapshots.length > 0) own.error('error: a snapshot cannot be taken --read-only')
      const { listen: where, run, workers } = flags
      const nbd = nbdOptions(flags, own)
      const metrics = metricsAddress(flags, own)
      finish(await serve({ images, exportNames: names, snapshots, readOnly, workers, where, run, nbd, metrics }))
    })
}
