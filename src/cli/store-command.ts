/** `cowring store`: looks at a COW store on its own, without a daemon. */
import type { Command } from 'commander'
import { type InspectOptions, inspectStore, type StoreInspection } from '../index.js'
import { exampleText, exitCodes, type Finish, jsonOption, jsonText, wholeFrom } from './command-parts.js'
import { entryJson, entryText, problemText, reportJson, reportText } from './store/store-text.js'
import { writeOut } from './write-out.js'

interface StoreFlags {
  readonly originSize?: number
  readonly json?: boolean
}

export function addStore(program: Command, finish: Finish): void {
  const store = program
    .command('store')
    .description('look at a persistent COW store on its own, without a daemon; nothing is written to it')
    .addHelpText('after', exampleText('cowring store info snap.cow', 'cowring store check snap.cow && echo sound'))
  const verb = (name: string, description: string, example: string): Command =>
    store
      .command(name)
      .description(description)
      .argument('<file>', 'the COW')
      .option('--origin-size <sectors>', "the origin's length, to check entries against", wholeFrom(1, 2 ** 53 - 1))
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
    'name everything that is wrong with a store; exits 1 if anything is',
    'cowring store check --origin-size 2097152 snap.cow',
  ).action(async (file: string, flags: StoreFlags) => {
    using inspection = await inspectStore(file, optionsOf(flags))
    const report = await inspection.report()
    if (flags.json === true) await writeOut(jsonText(reportJson(report)))
    else if (report.problemCount === 0) await writeOut(`${report.path}: no problem in ${report.entries} entries\n`)
    else
      await writeOut(
        `${report.path}: ${report.problemCount} problem${report.problemCount === 1 ? '' : 's'}\n${problemText(report)}`,
      )
    finish(report.problemCount === 0 ? exitCodes.done : exitCodes.failed)
  })
}

const optionsOf = ({ originSize }: StoreFlags): InspectOptions => {
  return originSize === undefined ? {} : { originSectors: originSize }
}

async function dumpText(inspection: StoreInspection): Promise<void> {
  await writeOut('# entry old-chunk new-chunk\n')
  for await (const entries of batches(inspection)) await writeOut(entries.map(entryText).join(''))
}

/** One document, written as it is read. */
async function dumpJson(inspection: StoreInspection): Promise<void> {
  await writeOut('{\n  "entries": [')
  let isFirst = true
  for await (const entries of batches(inspection)) {
    await writeOut(`${isFirst ? '' : ','}\n    ${entries.map(entryJson).join(',\n    ')}`)
    isFirst = false
  }
  const report = JSON.stringify(reportJson(await inspection.report()), undefined, 2).replaceAll('\n', '\n  ')
  await writeOut(`\n  ],\n  "report": ${report}\n}\n`)
}

/** Entries by the thousand: a write for each would take longer than reading them. */
async function* batches(inspection: StoreInspection) {
  let batch = []
  for await (const entry of inspection.entries()) {
    batch.push(entry)
    if (batch.length < 1000) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
