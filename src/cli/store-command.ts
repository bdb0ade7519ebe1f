/** `cowring store`: looks at COW stores on their own, repairs and compares them, without a daemon. */
import type { Command } from 'commander'
import { type InspectOptions, inspectStore, type StoreEntry, type StoreInspection } from '../index.js'
import { exampleText, exitCodes, type Finish, jsonOption, jsonText } from './command-parts.js'
import { addDelta } from './store/delta-verb.js'
import { addRepair } from './store/repair-verb.js'
import { originSizeOption } from './store/store-options.js'
import { checkText, entryJson, entryText, reportJson, reportText } from './store/store-text.js'
import { writeJsonList, writeLines } from './store/write-list.js'
import { writeOut } from './write-out.js'

interface StoreFlags {
  readonly originSize?: number
  readonly json?: boolean
  readonly strict?: boolean
}

export function addStore(program: Command, finish: Finish): void {
  const store = program
    .command('store')
    .description('look at, repair and compare persistent COW stores, without a daemon; no store is changed')
    .addHelpText('after', exampleText('cowring store info snap.cow', 'cowring store check snap.cow && echo sound'))
  const verb = (name: string, description: string, example: string): Command =>
    store
      .command(name)
      .description(description)
      .argument('<file>', 'the COW')
      .addOption(originSizeOption('entries are checked against it'))
      .addOption(jsonOption())
      .addHelpText('after', exampleText(example))

  verb('info', 'print what a store is and how full it is', 'cowring store info snap.cow').action(
    async (file: string, flags: StoreFlags) => {
      using inspection = await inspectStore(file, optionsOf(flags))
      const report = await inspection.report()
      await writeOut(flags.json === true ? jsonText(reportJson(report)) : reportText(report))
      finish(exitCodes.done)
    },
  )

  verb(
    'dump',
    'print every entry: its number, the chunk of the origin, the chunk of the COW',
    'cowring store dump snap.cow | head',
  ).action(async (file: string, flags: StoreFlags) => {
    using inspection = await inspectStore(file, optionsOf(flags))
    await (flags.json === true ? dumpJson(inspection) : dumpText(inspection))
    finish(exitCodes.done)
  })

  verb(
    'check',
    'name everything that is wrong with a store, and remark on what is odd; exits 1 if anything is wrong',
    'cowring store check --origin-size 2097152 snap.cow',
  )
    .option('--strict', 'exit 1 for remarks as well')
    .action(async (file: string, flags: StoreFlags) => {
      using inspection = await inspectStore(file, optionsOf(flags))
      const report = await inspection.report()
      await writeOut(flags.json === true ? jsonText(reportJson(report)) : checkText(report))
      const isSound = report.problemCount === 0 && (flags.strict !== true || report.remarks.length === 0)
      finish(isSound ? exitCodes.done : exitCodes.failed)
    })

  addRepair(store, finish)
  addDelta(store, finish)
}

const optionsOf = ({ originSize }: StoreFlags): InspectOptions => {
  return originSize === undefined ? {} : { originSectors: originSize }
}

async function dumpText(inspection: StoreInspection): Promise<void> {
  await writeOut('# entry old-chunk new-chunk\n')
  await writeLines(printed(inspection, entryText))
}

const dumpJson = (inspection: StoreInspection): Promise<void> =>
  writeJsonList('entries', printed(inspection, entryJson), async () => ({
    report: reportJson(await inspection.report()),
  }))

async function* printed(inspection: StoreInspection, print: (entry: StoreEntry) => string) {
  for await (const entry of inspection.entries()) yield print(entry)
}
