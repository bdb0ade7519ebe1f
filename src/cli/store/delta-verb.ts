/** `cowring store delta`: where a snapshot differs from its origin, or from another snapshot. */
import type { Command } from 'commander'
import { type DeltaOptions, type DeltaRange, storeDelta } from '../../index.js'
import { exampleText, exitCodes, type Finish, jsonOption } from '../command-parts.js'
import { originOption, originSizeOption } from './store-options.js'
import { writeJsonList, writeLines } from './write-list.js'

interface DeltaFlags {
  readonly originSize?: number
  readonly origin?: string
  readonly json?: boolean
}

export function addDelta(store: Command, finish: Finish): void {
  store
    .command('delta')
    .description(
      'list the ranges, in bytes, in which a snapshot differs from its origin, or two snapshots of one origin',
    )
    .argument('<cow>', "the snapshot's COW")
    .argument('[other]', 'the COW of another snapshot of the same origin')
    .addOption(originOption('compares what may differ, to the sector'))
    .addOption(originSizeOption('where the last chunk is cut off').conflicts('origin'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      exampleText('cowring store delta snap.cow', 'cowring store delta --origin disk.img monday.cow tuesday.cow'),
    )
    .action(async (cow: string, other: string | undefined, flags: DeltaFlags) => {
      const ranges = storeDelta(cow, optionsOf(flags, other))
      await (flags.json === true ? writeJsonList('ranges', mapped(ranges, rangeJson)) : writeLines(lines(ranges)))
      finish(exitCodes.done)
    })
}

const optionsOf = ({ originSize, origin }: DeltaFlags, other: string | undefined): DeltaOptions => ({
  ...(originSize === undefined ? {} : { originSectors: originSize }),
  ...(origin === undefined ? {} : { origin }),
  ...(other === undefined ? {} : { other }),
})

const rangeJson = ({ offset, length, kind }: DeltaRange): string => JSON.stringify({ offset, length, kind })

async function* lines(ranges: AsyncIterable<DeltaRange>): AsyncGenerator<string, void, undefined> {
  let isFirst = true
  // Nothing is printed about a store that is refused.
  for await (const { offset, length, kind } of ranges) {
    if (isFirst) yield '# offset length kind'
    isFirst = false
    yield `${offset} ${length} ${kind}`
  }
  if (isFirst) yield '# offset length kind'
}

async function* mapped<From, To>(values: AsyncIterable<From>, to: (value: From) => To): AsyncGenerator<To> {
  for await (const value of values) yield to(value)
}
