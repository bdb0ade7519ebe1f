/**
 * What each command does to a device in each state.
 *
 *     =        done, and nothing about any device has changed        EINVAL…  refused, and nothing has changed
 *     L--w0    done; the device's attributes and open count after it  ETABLE   the table is refused
 *     ~        its tables have changed, its attributes have not       +        its event number has gone up
 *     gone, n  there is no device any more, or it has another name    EBUSY L  refused, and left like this
 *     waits    it had not happened yet                                D        to be removed at its last close
 *
 * Attributes: L live table, I inactive table, s suspended, r or w, open count.
 */
import { CowringError } from 'cowring'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attributes, dump, openFilesIn } from '../support/mapper-dump.js'
import { MapperPlace } from '../support/mapper-place.js'
import { type Release, states, verbs } from '../support/mapper-states.js'

const alone = `
                 | no device | no table | inactive     | live     | both         | suspended | both, susp.  | none, susp. |
create           | ---w0     | EBUSY    | EBUSY        | EBUSY    | EBUSY        | EBUSY     | EBUSY        | EBUSY       |
create, table    | L--w0     | EBUSY    | EBUSY        | EBUSY    | EBUSY        | EBUSY     | EBUSY        | EBUSY       |
create, its UUID | gone      | EBUSY    | EBUSY        | EBUSY    | EBUSY        | EBUSY     | EBUSY        | EBUSY       |
load             | ENXIO     | -I-w0    | =            | LI-w0    | =            | LIsw0     | =            | -Isw0       |
load, bad        | ENXIO     | ETABLE   | ETABLE ---w0 | ETABLE   | ETABLE L--w0 | ETABLE    | ETABLE L-sw0 | ETABLE      |
load, itself     | ENXIO     | ETABLE   | ETABLE ---w0 | ETABLE   | ETABLE L--w0 | ETABLE    | ETABLE L-sw0 | ETABLE      |
clear            | ENXIO     | =        | ---w0        | =        | L--w0        | =         | L-sw0        | =           |
suspend          | ENXIO     | --sw0    | -Isw0        | L-sw0    | LIsw0        | =         | =            | =           |
suspend, noFlush | ENXIO     | --sw0    | -Isw0        | L-sw0    | LIsw0        | =         | =            | =           |
resume           | ENXIO     | =        | L--w0        | =        | L--w0        | L--w0     | L--w0        | EINVAL      |
table            | ENXIO     | =        | =            | =        | =            | =         | =            | =           |
table, inactive  | ENXIO     | =        | =            | =        | =            | =         | =            | =           |
status           | ENXIO     | =        | =            | =        | =            | =         | =            | =           |
info             | ENXIO     | =        | =            | =        | =            | =         | =            | =           |
deps             | ENXIO     | =        | =            | =        | =            | =         | =            | =           |
concise          | ENXIO     | =        | =            | =        | =            | =         | =            | =           |
rename, free     | ENXIO     | n ---w0+ | n -I-w0+     | n L--w0+ | n LI-w0+     | n L-sw0+  | n LIsw0+     | n --sw0+    |
rename, taken    | ENXIO     | EBUSY    | EBUSY        | EBUSY    | EBUSY        | EBUSY     | EBUSY        | EBUSY       |
rename, bad      | ENXIO     | EINVAL   | EINVAL       | EINVAL   | EINVAL       | EINVAL    | EINVAL       | EINVAL      |
set UUID         | ENXIO     | ~        | ~            | ~        | ~            | ~         | ~            | ~           |
set UUID, twice  | ENXIO     | EINVAL   | EINVAL       | EINVAL   | EINVAL       | EINVAL    | EINVAL       | EINVAL      |
set UUID, taken  | ENXIO     | EBUSY    | EBUSY        | EBUSY    | EBUSY        | EBUSY     | EBUSY        | EBUSY       |
message          | ENXIO     | EINVAL   | EINVAL       | EINVAL   | EINVAL       | EINVAL    | EINVAL       | EINVAL      |
message, cancel  | ENXIO     | =        | =            | =        | =            | =         | =            | =           |
wait             | ENXIO     | waits    | waits        | waits    | waits        | waits     | waits        | waits       |
wait, past       | ENXIO     | =        | =            | =        | =            | =         | =            | =           |
open             | ENXIO     | ---w1    | -I-w1        | L--w1    | LI-w1        | L-sw1     | LIsw1        | --sw1       |
remove           | ENXIO     | gone     | gone         | gone     | gone         | gone      | gone         | gone        |
remove, force    | ENXIO     | gone     | gone         | gone     | gone         | gone      | gone         | gone        |
remove, deferred | ENXIO     | gone     | gone         | gone     | gone         | gone      | gone         | gone        |
`
const among = `
                 | open     | used     | used, inact. | deferred  | read-only | must wait    | may take     |
create           | EBUSY    | EBUSY    | EBUSY        | EBUSY     | EBUSY     | EBUSY        | EBUSY        |
create, table    | EBUSY    | EBUSY    | EBUSY        | EBUSY     | EBUSY     | EBUSY        | EBUSY        |
create, its UUID | EBUSY    | EBUSY    | EBUSY        | EBUSY     | EBUSY     | EBUSY        | EBUSY        |
load             | LI-w1    | LI-w1    | LI-w1        | LI-w1D    | LI-r0     | ~            | ~            |
load, bad        | ETABLE   | ETABLE   | ETABLE       | ETABLE    | ETABLE    | ETABLE ---w0 | ETABLE ---w0 |
load, itself     | ETABLE   | ETABLE   | ETABLE       | ETABLE    | ETABLE    | ETABLE ---w0 | ETABLE ---w0 |
clear            | =        | =        | =            | =         | =         | ---w0        | ---w0        |
suspend          | L-sw1    | L-sw1    | L-sw1        | L-sw1D    | L-sr0     | -Isw0        | -Isw0        |
suspend, noFlush | L-sw1    | L-sw1    | L-sw1        | L-sw1D    | L-sr0     | -Isw0        | -Isw0        |
resume           | =        | =        | =            | =         | =         | EINVAL L-sw0 | L--w0        |
table            | =        | =        | =            | =         | =         | =            | =            |
table, inactive  | =        | =        | =            | =         | =         | =            | =            |
status           | =        | =        | =            | =         | =         | =            | =            |
info             | =        | =        | =            | =         | =         | =            | =            |
deps             | =        | =        | =            | =         | =         | =            | =            |
concise          | =        | =        | =            | =         | =         | =            | =            |
rename, free     | n L--w1+ | n L--w1+ | n L--w1+     | n L--w1D+ | n L--r0+  | n -I-w0+     | n -I-w0+     |
rename, taken    | EBUSY    | EBUSY    | EBUSY        | EBUSY     | EBUSY     | EBUSY        | EBUSY        |
rename, bad      | EINVAL   | EINVAL   | EINVAL       | EINVAL    | EINVAL    | EINVAL       | EINVAL       |
set UUID         | ~        | ~        | ~            | ~         | ~         | ~            | ~            |
set UUID, twice  | EINVAL   | EINVAL   | EINVAL       | EINVAL    | EINVAL    | EINVAL       | EINVAL       |
set UUID, taken  | EBUSY    | EBUSY    | EBUSY        | EBUSY     | EBUSY     | EBUSY        | EBUSY        |
message          | EINVAL   | EINVAL   | EINVAL       | EINVAL    | EINVAL    | EINVAL       | EINVAL       |
message, cancel  | =        | =        | =            | L--w1     | =         | =            | =            |
wait             | waits    | waits    | waits        | waits     | waits     | waits        | waits        |
wait, past       | =        | =        | =            | =         | =         | =            | =            |
open             | L--w2    | L--w2    | L--w2        | L--w2D    | L--r1     | -I-w1        | -I-w1        |
remove           | EBUSY    | EBUSY    | EBUSY        | EBUSY     | gone      | gone         | gone         |
remove, force    | EBUSY ~  | EBUSY ~  | EBUSY ~      | EBUSY ~   | gone      | gone         | gone         |
remove, deferred | L--w1D   | L--w1D   | L--w1D       | =         | gone      | gone         | gone         |
`

let place: MapperPlace
beforeAll(async () => {
  place = await MapperPlace.start()
  for (const name of ['file', 'other', 'origin', 'cow']) place.file(name, 64)
})
afterAll(() => place[Symbol.asyncDispose]())

const errnoNames = new Map([
  [6, 'ENXIO'],
  [16, 'EBUSY'],
  [22, 'EINVAL'],
])

/** The word for an error, which must be one of ours, with the code that goes with its errno. */
function refusal(error: unknown): string {
  if (!(error instanceof CowringError)) throw error
  const word = error.code === 'TABLE_INVALID' ? 'ETABLE' : (errnoNames.get(error.facts.errno ?? 0) ?? error.code)
  const codes = { ENXIO: 'DEVICE_MISSING', EBUSY: 'DEVICE_BUSY', EINVAL: 'INVALID_ARGUMENT', ETABLE: 'TABLE_INVALID' }
  expect(error.code).toBe(codes[word as keyof typeof codes])
  return word
}

const eventsOf = (name: string) => place.mapper.list().find((device) => device.name === name)?.eventNumber ?? 0

async function cell(stateName: string, verbName: string): Promise<string> {
  const { mapper } = place
  const state = states[stateName]
  const verb = verbs[verbName]
  if (state === undefined || verb === undefined) throw new Error(`no such cell: ${stateName}, ${verbName}`)
  await mapper.create('other', `0 64 linear ${place.folder}/other 0`, { uuid: 'U-other' })
  const releases: (Release | undefined)[] = [await state(place)]
  const isThere = mapper.list().some(({ name }) => name === 'd')
  if (isThere) await verb.before?.(mapper)
  const before = dump(mapper)
  const attributesBefore = isThere ? attributes(mapper, 'd') : ''
  const eventsBefore = eventsOf('d')
  let refused = ''
  try {
    const result = await verb.act(mapper)
    if (result === 'waits') refused = 'waits'
    if (typeof result === 'function') releases.push(result as Release)
  } catch (error) {
    refused = refusal(error)
  }
  const after = dump(mapper)
  const isSame = JSON.stringify([...after]) === JSON.stringify([...before])
  const name = after.has('n') && !before.has('n') && !after.has('d') && isThere ? 'n' : 'd'
  const now = attributes(mapper, name)
  const changed = [
    name === 'n' ? 'n ' : '',
    now === attributesBefore ? (eventsOf(name) > eventsBefore ? now : '~') : now,
    eventsOf(name) > eventsBefore ? '+' : '',
  ]
  if (refused !== '') {
    // Even where a refusal leaves something behind, it is of the device itself.
    for (const [each, text] of before) if (each !== 'd' && each !== 'other') expect(after.get(each)).toBe(text)
    expect(after.size).toBe(before.size)
  }
  for (const release of releases.reverse()) await release?.()
  await mapper.removeAll({ force: true })
  expect(mapper.list()).toEqual([])
  expect(openFilesIn(place.folder)).toBe(0)
  if (isSame) return refused === '' ? '=' : refused
  return [refused, changed.join('')].filter((part) => part !== '').join(' ')
}

/** The rows of a grid, each with its cells. */
function rowsOf(grid: string) {
  const [head = '', ...rows] = grid.trim().split('\n')
  const columns = head
    .split('|')
    .map((each) => each.trim())
    .filter((each) => each !== '')
  return rows.map((row) => {
    const [verb = '', ...cells] = row.split('|').map((each) => each.trim())
    return { verb, expected: Object.fromEntries(columns.map((column, index) => [column, cells[index]])) }
  })
}

const rows = [...rowsOf(alone), ...rowsOf(among)]

test.each(rows)('$verb', async ({ expected, verb }) => {
  const found: Record<string, string> = {}
  for (const state of Object.keys(expected)) found[state] = await cell(state, verb)
  expect(found).toEqual(expected)
})

test('the grid has every command in every state', () => {
  const cells = rows.flatMap(({ expected, verb }) => Object.keys(expected).map((state) => `${verb} ${state}`))
  expect(new Set(cells).size).toBe(Object.keys(verbs).length * Object.keys(states).length)
})
