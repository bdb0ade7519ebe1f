/** The states that a mapped device `d` can be in, and what can be done to it: the grid's two sides. */
import type { Mapper } from 'cowring'
import type { MapperPlace } from './mapper-place.js'

/** What a state keeps open until its cell is done. */
export type Release = () => Promise<unknown>

type State = (place: MapperPlace) => Promise<Release | undefined>

export const good = '0 64 linear other 0'
const snapshotTable = (place: MapperPlace) =>
  `0 64 snapshot ${place.folder}/origin ${place.folder}/cow P 8`.replaceAll('//', '/')

const plain =
  (...steps: ((mapper: Mapper, place: MapperPlace) => Promise<unknown>)[]): State =>
  async (place) => {
    for (const step of steps) await step(place.mapper, place)
    return undefined
  }

const create = (mapper: Mapper) => mapper.create('d')
const createLive = (_: Mapper, place: MapperPlace) => place.create('d', '0 64 linear file 0')
const load = (mapper: Mapper) => mapper.load('d', good)
const suspend = (mapper: Mapper) => mapper.suspend('d')

const open: State = async (place) => {
  await place.create('d', '0 64 linear file 0')
  const volume = await place.mapper.open('d')
  return () => volume.close()
}

/** A snapshot `s` that has the COW, and `d`, which is to take it over. */
async function handover(mapper: Mapper, place: MapperPlace): Promise<void> {
  await mapper.create('s', snapshotTable(place))
  await mapper.create('d')
  await mapper.load('d', snapshotTable(place))
}

export const states: Readonly<Record<string, State>> = {
  'no device': plain(),
  'no table': plain(create),
  inactive: plain(create, load),
  live: plain(createLive),
  both: plain(createLive, load),
  suspended: plain(createLive, suspend),
  'both, susp.': plain(createLive, load, suspend),
  'none, susp.': plain(create, suspend),
  open,
  used: plain(createLive, (mapper) => mapper.create('upper', '0 8 linear d 0')),
  'used, inact.': plain(
    createLive,
    (mapper) => mapper.create('upper'),
    (mapper) => mapper.load('upper', '0 8 linear d 0'),
  ),
  deferred: async (place) => {
    const release = await open(place)
    await place.mapper.remove('d', { deferred: true })
    return release
  },
  'read-only': plain((mapper, place) =>
    mapper.create('d', '0 64 linear file 0', { folder: place.folder, readOnly: true }),
  ),
  'must wait': plain(handover),
  'may take': plain(handover, (mapper) => mapper.suspend('s')),
}

interface Verb {
  /** Made so before the verb, where there is a device. */
  readonly before?: (mapper: Mapper) => Promise<unknown>
  readonly act: (mapper: Mapper) => Promise<Release | unknown>
}

/** `ok` when it answered at once, `waits` when it did not; either way it has ended. */
async function waited(mapper: Mapper, eventNumber: number): Promise<string> {
  const end = new AbortController()
  const waiting = mapper.wait('d', eventNumber, { signal: end.signal }).then(
    () => 'ok',
    (error) => (end.signal.aborted ? 'waits' : Promise.reject(error)),
  )
  const answer = Promise.race([waiting, new Promise((resolve) => setImmediate(resolve, 'waits'))])
  await answer.finally(() => end.abort())
  return await waiting
}

export const verbs: Readonly<Record<string, Verb>> = {
  create: { act: (mapper) => mapper.create('d') },
  'create, table': { act: (mapper) => mapper.create('d', good) },
  'create, its UUID': {
    before: (mapper) => mapper.setUuid('d', 'U-d'),
    act: (mapper) => mapper.create('n', undefined, { uuid: 'U-d' }),
  },
  load: { act: (mapper) => mapper.load('d', good) },
  'load, bad': { act: (mapper) => mapper.load('d', '0 64 linear other 1000000') },
  'load, itself': { act: (mapper) => mapper.load('d', '0 64 linear /dev/mapper/d 0') },
  clear: { act: (mapper) => mapper.clear('d') },
  suspend: { act: (mapper) => mapper.suspend('d') },
  'suspend, noFlush': { act: (mapper) => mapper.suspend('d', { noFlush: true }) },
  resume: { act: (mapper) => mapper.resume('d') },
  table: { act: async (mapper) => mapper.table('d') },
  'table, inactive': { act: async (mapper) => mapper.table('d', { inactive: true }) },
  status: { act: async (mapper) => mapper.status('d') },
  info: { act: async (mapper) => mapper.info('d') },
  deps: { act: async (mapper) => mapper.deps('d') },
  concise: { act: async (mapper) => mapper.concise('d') },
  'rename, free': { act: (mapper) => mapper.rename('d', 'n') },
  'rename, taken': { act: (mapper) => mapper.rename('d', 'other') },
  'rename, bad': { act: (mapper) => mapper.rename('d', 'a/b') },
  'set UUID': { act: (mapper) => mapper.setUuid('d', 'U-d') },
  'set UUID, twice': { before: (mapper) => mapper.setUuid('d', 'U-d'), act: (mapper) => mapper.setUuid('d', 'U-e') },
  'set UUID, taken': { act: (mapper) => mapper.setUuid('d', 'U-other') },
  message: { act: (mapper) => mapper.message('d', 0, 'hello') },
  'message, cancel': { act: (mapper) => mapper.message('d', 0, '@cancel_deferred_remove') },
  wait: { act: (mapper) => waited(mapper, 0) },
  'wait, past': { act: (mapper) => waited(mapper, 7) },
  open: {
    act: async (mapper) => {
      const volume = await mapper.open('d')
      return () => volume.close()
    },
  },
  remove: { act: (mapper) => mapper.remove('d') },
  'remove, force': { act: (mapper) => mapper.remove('d', { force: true }) },
  'remove, deferred': { act: (mapper) => mapper.remove('d', { deferred: true }) },
}
