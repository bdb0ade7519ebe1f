/** `cowring merge`: a snapshot of the daemon goes back into its origin. */
import { type Command, Option } from 'commander'
import { CowringError } from '../index.js'
import { exampleText, exitCodes, type Finish, parseMilliseconds, parseRate, socketOption } from './command-parts.js'
import type { LimitsOnWire } from './daemon/protocol.js'
import { followMerge } from './merge/follow-merge.js'
import { cancelledText } from './merge/merge-text.js'
import { endJson, jsonLine } from './merge/merge-view.js'
import { RemoteMerge } from './merge/remote-merge.js'

interface MergeFlags {
  readonly rateLimit?: number | 'none'
  readonly latencyTarget?: number | 'none'
  readonly socket?: string
  readonly json?: boolean
  readonly cancel?: boolean
}

export function addMerge(program: Command, finish: Finish): void {
  program
    .command('merge')
    .description(
      "merge a snapshot into its origin, and show how far it is; Ctrl-C pauses it, the same command goes on. It is the daemon's: it goes on without this command.",
    )
    .argument('<name>', 'the device of the snapshot, or of an origin that is being merged into')
    .option('--rate-limit <rate>', 'bytes per second at most: 512K, 100M, 1.5G; none lifts a limit', parseRate)
    .option(
      '--latency-target <time>',
      'slow down while the 99th percentile of other requests takes longer: 500us, 2ms; none lifts it',
      parseMilliseconds,
    )
    .addOption(
      new Option('--cancel', 'end the merge; what is merged stays merged').conflicts(['rateLimit', 'latencyTarget']),
    )
    .addOption(new Option('--json', 'print a line of JSON every second, and one for the end'))
    .addOption(socketOption())
    .addHelpText(
      'after',
      exampleText(
        'cowring merge snap --rate-limit 100M',
        'cowring merge snap --latency-target 2ms',
        'cowring merge snap --cancel',
      ),
    )
    .action(async (name: string, flags: MergeFlags) => {
      finish(flags.cancel === true ? await cancel(name, flags) : await merge(name, flags))
    })
}

function merge(name: string, { json, latencyTarget, rateLimit, socket }: MergeFlags): Promise<number> {
  const limits: LimitsOnWire = {
    ...(rateLimit === undefined ? {} : { rateLimit: onWire(rateLimit) }),
    ...(latencyTarget === undefined ? {} : { latencyTarget: onWire(latencyTarget) }),
  }
  return followMerge({ name, socket, limits, isJson: json === true })
}

const onWire = (limit: number | 'none'): number | null => (limit === 'none' ? null : limit)

async function cancel(name: string, { json, socket }: MergeFlags): Promise<number> {
  const { devices, progress } = await RemoteMerge.cancel(socket, name)
  if (progress.state !== 'cancelled') {
    const text = `there is nothing to cancel: all of it is merged into ${devices.origin}`
    throw new CowringError('INVALID_ARGUMENT', text, { device: name })
  }
  const text = cancelledText({ name, socket }, devices, progress)
  const isJson = json === true
  process.stdout.write(isJson ? jsonLine(endJson(name, devices, 'cancelled', progress, text)) : `${text}\n`)
  return exitCodes.done
}
