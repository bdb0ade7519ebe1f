/** `cowring store repair`: a new store from what can be trusted of a damaged one. */
import type { Command } from 'commander'
import { type RepairOptions, type RepairReport, repairStore } from '../../index.js'
import { exampleText, exitCodes, type Finish, jsonOption, jsonText, wholeFrom } from '../command-parts.js'
import { Interruption } from '../merge/interruption.js'
import { writeOut } from '../write-out.js'
import { originOption, originSizeOption } from './store-options.js'
import { writeLines } from './write-list.js'

interface RepairFlags {
  readonly originSize?: number
  readonly origin?: string
  readonly chunk?: number
  readonly salvageInvalid?: boolean
  readonly json?: boolean
}

export function addRepair(store: Command, finish: Finish): void {
  store
    .command('repair')
    .description('write a new store from what can be trusted of a damaged one, which is only read; says what was lost')
    .argument('<broken>', 'the damaged COW')
    .argument('<new>', 'the file of the new store; it must not exist, or be blank')
    .addOption(originSizeOption('leaves out entries past it').conflicts('origin'))
    .addOption(originOption('for its length'))
    .option('--chunk <sectors>', "the chunk size, where the header's is damaged", wholeFrom(1, 2 ** 21))
    .option('--salvage-invalid', 'take what is left of an invalidated store; it shows no moment of the origin')
    .addOption(jsonOption())
    .addHelpText('after', exampleText('cowring store repair --origin disk.img snap.cow mended.cow'))
    .action(async (broken: string, target: string, flags: RepairFlags) => {
      using interruption = new Interruption(() => {})
      const report = await repairStore(broken, target, { ...optionsOf(flags), signal: interruption.signal }).catch(
        (error: unknown) => {
          if (interruption.exitCode === undefined) throw error
        },
      )
      if (report === undefined) {
        process.stderr.write(`cowring: the repair was stopped; ${target} is as it was before\n`)
        finish(interruption.exitCode ?? exitCodes.failed)
        return
      }
      if (flags.json === true) await writeOut(jsonText(report))
      else await writeLines(repairLines(report))
      finish(exitCodes.done)
    })
}

const optionsOf = ({ originSize, origin, chunk, salvageInvalid }: RepairFlags): RepairOptions => ({
  ...(originSize === undefined ? {} : { originSectors: originSize }),
  ...(origin === undefined ? {} : { origin }),
  ...(chunk === undefined ? {} : { chunkSectors: chunk }),
  ...(salvageInvalid === undefined ? {} : { salvageInvalid }),
})

function* repairLines(report: RepairReport): Generator<string, void, undefined> {
  const { dropped, entries, from, kept, lost, notes, to } = report
  const isWhole = dropped.length === 0 && notes.length === 0
  yield `${to}: ${kept} of ${entries} entries of ${from}${isWhole ? ', nothing is lost' : ''}`
  for (const note of notes) yield `  note: ${note}`
  if (dropped.length > 0) yield 'left out (entry, chunk of the origin, chunk of the COW):'
  for (const { entry, oldChunk, newChunk, reason } of dropped) yield `  ${entry} ${oldChunk} ${newChunk}  # ${reason}`
  if (lost.length > 0) yield "the snapshot shows the origin's present content at (offset, length, in bytes):"
  for (const { offset, length } of lost) yield `  ${offset} ${length}`
}
