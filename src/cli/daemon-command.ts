/** `cowring daemon`. */
import { type Command, Option } from 'commander'
import type { EngineOptions, MapperOptions } from '../index.js'
import type { ListenAddress } from '../nbd/uri.js'
import { exampleText, exitCodes, type Finish, socketOption, wholeFrom } from './command-parts.js'
import { Daemon, type DaemonOptions } from './daemon/daemon.js'
import { socketPath } from './daemon/socket-path.js'
import { addMetricsOptions, type MetricsFlags, metricsAddress } from './metrics-options.js'
import { endAsked } from './serve/ending.js'
import { addNbdOptions, type NbdFlags, nbdOptions, parseAddress } from './serve/nbd-options.js'

interface DaemonFlags extends NbdFlags, MetricsFlags {
  readonly socket?: string
  readonly restore?: string
  readonly workers?: number
  readonly io?: 'libc' | 'node'
  readonly watermark?: readonly number[]
  readonly autoextendThreshold?: number
  readonly autoextendPercent?: number
  readonly nbd?: ListenAddress
}

/** What LVM2 extends by when nothing is configured. */
const extendPercentDefault = 20

export function addDaemon(program: Command, finish: Finish): void {
  const described = program
    .command('daemon')
    .description('hold devices, and carry out what `cowring dmsetup` and `cowring io` ask for, until SIGTERM')
    .addOption(socketOption())
    .option('--restore <file>', 'create these devices first: what `cowring dmsetup table --concise` printed')
    .option('--workers <number>', 'worker threads (default: one per core, at most 8)', wholeFrom(1, 16))
    .addOption(new Option('--io <calls>', 'which system calls serve files').choices(['libc', 'node']))
    .option('--watermark <percent>', 'raise an event when a store is this full; can be repeated', parseWatermark)
    .option('--autoextend-threshold <percent>', 'extend file-backed COWs that are this full', wholeFrom(50, 100))
    .option('--autoextend-percent <percent>', 'by how much of their size (default: 20)', wholeFrom(1, 10_000))
    .option('--nbd <address>', 'serve every device over NBD, too: unix:PATH or tcp:HOST:PORT', parseAddress)
  addMetricsOptions(addNbdOptions(described))
    .addHelpText(
      'after',
      exampleText(
        'cowring daemon --socket /run/backup/cowring.sock --restore devices.txt &',
        'cowring daemon --watermark 80 --autoextend-threshold 70 --autoextend-percent 20',
        'cowring daemon --nbd unix:/run/backup/nbd.sock',
        'cowring daemon --metrics 127.0.0.1:9733',
      ),
    )
    .action(async (flags: DaemonFlags, command: Command) => {
      if (flags.autoextendPercent !== undefined && flags.autoextendThreshold === undefined) {
        command.error('error: --autoextend-percent needs --autoextend-threshold')
      }
      const nbd = nbdOptions(flags, command)
      if (flags.nbd === undefined && (Object.keys(nbd).length > 1 || nbd.insecure)) {
        command.error('error: what is said of NBD clients needs --nbd')
      }
      const metrics = metricsAddress(flags, command)
      await runDaemon(flags, {
        ...(flags.nbd === undefined ? {} : { nbd: { ...nbd, where: flags.nbd } }),
        ...(metrics === undefined ? {} : { metrics }),
      })
      finish(exitCodes.done)
    })
}

async function runDaemon(flags: DaemonFlags, servers: Pick<DaemonOptions, 'nbd' | 'metrics'>): Promise<void> {
  const path = socketPath(flags.socket, { makeFolder: true })
  const log = (line: string) => process.stderr.write(`cowring daemon: ${line}\n`)
  const asked = endAsked()
  const daemon = await Daemon.start({
    path,
    engine: engineOptions(flags),
    folder: process.cwd(),
    log,
    ...(flags.restore === undefined ? {} : { restore: flags.restore }),
    ...servers,
  })
  process.stdout.write(`cowring daemon listens on ${path}\n`)
  if (daemon.nbdUri !== undefined) process.stdout.write(`${daemon.nbdUri}\n`)
  if (daemon.metricsUrl !== undefined) process.stdout.write(`${daemon.metricsUrl}\n`)
  await asked
  await daemon.stop()
}

function engineOptions(flags: DaemonFlags): EngineOptions {
  const { workers, io, watermark, autoextendThreshold, autoextendPercent } = flags
  const mapper: MapperOptions = {
    ...(watermark === undefined ? {} : { watermarks: watermark }),
    ...(autoextendThreshold === undefined
      ? {}
      : { autoExtend: { threshold: autoextendThreshold, percent: autoextendPercent ?? extendPercentDefault } }),
  }
  return { mapper, ...(workers === undefined ? {} : { workers }), ...(io === undefined ? {} : { io }) }
}

function parseWatermark(text: string, before: readonly number[] | undefined): readonly number[] {
  return [...(before ?? []), wholeFrom(1, 100)(text)]
}
