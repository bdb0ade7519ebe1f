/** Random and damaged inputs for a mapper: tables, names, UUIDs, concise texts and messages. */
import type { Mapper } from 'cowring'
import fc from 'fast-check'
import { nastyText } from './table-words.js'

/** Nothing here names a device of the machine that runs this. */
const deviceWord = fc.oneof(
  fc.constantFrom('lin', 'str', 'base', 'snap', 'idle', 'susp', 'ro', '/dev/mapper/lin', '/dev/mapper/fresh', 'fresh'),
  fc.constantFrom('254:0', '254:1', '254:5', '240:0', '240:1', '254:99', '999999:1', '4095:1048576', 'file', 'cow'),
  fc.constantFrom('spare', './file', 'missing', '.', '..', '/', 'a\0b', '/dev/null', '/dev/mapper/', 'x'.repeat(5000)),
  nastyText.map((text) => `no/${text}`),
)
const number = fc.oneof(
  fc.constantFrom('0', '1', '8', '16', '32', '64', '7', '1024', '4096', '-1', '1.5', '0x8', '', '00008', '4294967295'),
  fc.constantFrom('4294967296', '17592186044415', '17592186044416', '9007199254740993', '99999999999999999999', 'NaN'),
)
const small = fc.constantFrom('8', '16', '32', '64')
const store = fc.constantFrom('P', 'p', 'PO', 'N', 'n', 'X', 'POx', 'PX')
const feature = fc.constantFrom('0', '1', '2', '3', 'discard_zeroes_cow', 'discard_passdown_origin', 'x')
const flake = fc.constantFrom('0', '1', '2', 'error_reads', 'error_writes', 'drop_writes', 'x')

const words = (...parts: fc.Arbitrary<string | readonly string[]>[]) =>
  fc.tuple(...parts).map((each) => each.flat().join(' '))
const some = (arbitrary: fc.Arbitrary<string>) => fc.array(arbitrary, { maxLength: 4 })

/** The words behind a line's length. */
const target = fc.oneof(
  words(fc.constant('linear'), deviceWord, number),
  words(fc.constant('linear'), deviceWord, fc.constant('0')),
  words(fc.constant('striped'), number, number, some(deviceWord)),
  words(fc.constant('striped 2 8'), deviceWord, fc.constant('0'), deviceWord, fc.constant('0')),
  words(fc.constant('snapshot'), deviceWord, deviceWord, store, number, some(feature)),
  words(fc.constant('snapshot'), deviceWord, deviceWord, store, small),
  words(fc.constant('snapshot-origin'), deviceWord),
  words(fc.constant('flakey'), deviceWord, number, number, number, some(flake)),
  words(fc.constant('flakey'), deviceWord, fc.constant('0 0 1'), some(flake)),
  fc.constantFrom('zero', 'error', 'zero 1', 'error x', 'no-such-target', 'constructor'),
)

/** Most lines adjoin, so that what follows is looked at too. */
const grownTable = fc
  .array(fc.tuple(fc.oneof({ weight: 6, arbitrary: small }, number), target), { minLength: 1, maxLength: 4 })
  .map((lines) => {
    let start = 0
    return lines.map(([length, rest]) => {
      const line = `${start} ${length} ${rest}`
      start += Number(length) || 0
      return line
    })
  })
  .map((lines) => lines.join('\n'))

/** A text with a few characters taken out, put in or doubled. */
const damaged = (text: fc.Arbitrary<string>) =>
  fc.tuple(text, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 3 }), nastyText), { maxLength: 3 })).map(([whole, cuts]) =>
    cuts.reduce((now, [at, length, put]) => {
      const index = at % (now.length + 1)
      return now.slice(0, index) + put + now.slice(index + length)
    }, whole),
  )

const table = fc.oneof(grownTable, damaged(grownTable), damaged(fc.constant('0 64 linear file 0')), nastyText)
const name = fc.oneof(fc.constantFrom('fresh', 'lin', '', '.', 'control', 'a/b', 'n'.repeat(128)), nastyText)
const minor = fc.option(fc.constantFrom(0, 3, 77, -1, 1.5, Number.NaN, 2 ** 20, Number.POSITIVE_INFINITY), {
  nil: undefined,
})
const uuid = fc.option(fc.oneof(fc.constantFrom('U-lin', '', 'u'.repeat(129)), nastyText), { nil: undefined })
const any = fc.constantFrom('lin', 'str', 'base', 'snap', 'idle', 'susp', 'ro', 'missing')

const conciseDevice = fc
  .tuple(name, fc.constantFrom('', 'U-lin', 'U-new'), fc.constantFrom('', '0', '77', '-1', 'x'), table)
  .map(([given, ownUuid, number, text]) => `${given},${ownUuid},${number},rw,${text.replaceAll('\n', ',')}`)

export interface Input {
  readonly text: string
  /** The device whose inactive table goes when the input is refused. */
  readonly loads: string | undefined
  act(mapper: Mapper): Promise<unknown>
}

const input = (verb: string, values: unknown, act: Input['act'], loads?: string): Input => {
  const text = `${verb} ${JSON.stringify(values)}`
  return { text, loads, act, toString: () => text } as Input
}

/** `folder` is where the files are. */
export const anyInput = (folder: string): fc.Arbitrary<Input> =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.tuple(any, table).map(([to, t]) => input('load', [to, t], (m) => m.load(to, t, { folder }), to)),
    },
    {
      weight: 4,
      arbitrary: fc
        .tuple(name, table, fc.boolean())
        .map(([n, t, readOnly]) => input('create', [n, t, readOnly], (m) => m.create(n, t, { folder, readOnly }))),
    },
    fc.tuple(name, uuid, minor).map(([n, u, number]) => {
      const options = { ...(u === undefined ? {} : { uuid: u }), ...(number === undefined ? {} : { minor: number }) }
      return input('create', [n, u, String(number)], (m) => m.create(n, undefined, options))
    }),
    fc.tuple(any, name).map(([from, to]) => input('rename', [from, to], (m) => m.rename(from, to))),
    fc.tuple(any, nastyText).map(([to, u]) => input('setUuid', [to, u], (m) => m.setUuid(to, u))),
    {
      weight: 2,
      arbitrary: damaged(fc.array(conciseDevice, { maxLength: 3 }).map((each) => each.join(';'))).map((text) =>
        input('createConcise', text, (m) => m.createConcise(text, { folder })),
      ),
    },
    fc
      .tuple(
        any,
        fc.constantFrom(0, 8, 1e6, -1, 0.5, Number.NaN),
        fc.oneof(fc.constant('@cancel_deferred_remove'), nastyText),
      )
      .map(([to, sector, text]) => input('message', [to, sector, text], (m) => m.message(to, sector, text))),
    any.map((of) => input('wait', of, (m) => m.wait(of, 7))),
  )
