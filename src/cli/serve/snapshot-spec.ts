/** What `--snapshot` says: `[IMAGE/]NAME=COW[,chunk=SECTORS][,store=P|PO|N][,durability=…][,size=…]`. */
import { InvalidArgumentError } from 'commander'
import type { Durability, SnapshotOptions, StoreType } from '../../index.js'
import { parseBytes, wholeFrom } from '../command-parts.js'

export interface SnapshotSpec {
  /** The export of the image it is of; `undefined` where there is only one. */
  readonly image: string | undefined
  readonly name: string
  /** `cow` as it was given. */
  readonly options: SnapshotOptions & { readonly cow: string }
}

/** The format's largest chunk: 1 GiB. */
const chunkSectorsMax = 2_097_152

/** For a repeated option: adds one to those before. Settings stand at the end, so a path may have commas. */
export function parseSnapshots(text: string, before: readonly SnapshotSpec[] | undefined): readonly SnapshotSpec[] {
  const parts = text.split(',')
  const settings: string[] = []
  while (parts.length > 1 && /^(chunk|store|durability|size)=/.test(parts.at(-1) ?? ''))
    settings.push(parts.pop() ?? '')
  const [, image, name, cow] = /^(?:([^=]+)\/)?([^=/]+)=(.+)$/s.exec(parts.join(',')) ?? []
  if (name === undefined || cow === undefined) {
    throw new InvalidArgumentError('It must be NAME=COW, with settings such as ,chunk=32 behind it.')
  }
  const options = Object.assign({ name, cow }, ...settings.map(parseSetting))
  return [...(before ?? []), { image, name, options }]
}

function parseSetting(setting: string): Partial<SnapshotOptions> {
  const [key = '', value = ''] = setting.split('=', 2)
  if (key === 'chunk') return { chunkSectors: wholeFrom(1, chunkSectorsMax)(value) }
  if (key === 'size') return { cowBytes: parseBytes(value) }
  if (key === 'store') return { store: oneOf<StoreType>(key, value, ['P', 'PO', 'N']) }
  return { durability: oneOf<Durability>(key, value, ['power-loss', 'process-crash', 'none']) }
}

function oneOf<Choice extends string>(key: string, value: string, choices: readonly Choice[]): Choice {
  const choice = choices.find((each) => each === value)
  if (choice !== undefined) return choice
  throw new InvalidArgumentError(`${key} must be ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}.`)
}
