/** Where requests go, and what happens when: as it is written. */
import { describe, expect, it } from 'vitest'
import { parseTimelineEvent } from '../../../src/load/run/timeline-event.js'
import { parseTarget } from '../../../src/load/target/target-address.js'

const engine = {
  kind: 'engine',
  path: 'disk',
  sizeBytes: undefined,
  snapshots: 0,
  chunkSectors: undefined,
  store: undefined,
  durability: undefined,
  cowFolder: undefined,
  workers: undefined,
  calls: 'async',
  volume: 'origin',
}

describe('a target', () => {
  it('is a file, with or without its word', () => {
    expect(parseTarget('file:/a b,c=d')).toEqual({ kind: 'file', path: '/a b,c=d' })
    expect(parseTarget('/disks/x')).toEqual({ kind: 'file', path: '/disks/x' })
    expect(parseTarget('http:x')).toEqual({ kind: 'file', path: 'http:x' })
  })

  it('is an NBD export', () => {
    for (const uri of ['nbd://host/name', 'nbd+unix:///?socket=/s', 'nbds+unix:///x?socket=/s']) {
      expect(parseTarget(uri)).toEqual({ kind: 'nbd', uri })
    }
  })

  it('is an engine, with settings at the end', () => {
    expect(parseTarget('cowring:disk')).toEqual(engine)
    expect(parseTarget('cowring:size=1')).toEqual({ ...engine, path: 'size=1' })
    expect(parseTarget('cowring:/d,x=1/a,b,snapshots=3,chunk=8,store=PO,durability=none')).toEqual({
      ...engine,
      path: '/d,x=1/a,b',
      snapshots: 3,
      chunkSectors: 8,
      store: 'PO',
      durability: 'none',
    })
    expect(parseTarget('cowring:memory,size=8m,workers=2,calls=in-place,volume=s0,snapshots=1')).toEqual({
      ...engine,
      path: undefined,
      sizeBytes: 2 ** 23,
      workers: 2,
      calls: 'in-place',
      volume: 's0',
      snapshots: 1,
    })
    expect(parseTarget('cowring:disk,cow=/fast')).toEqual({ ...engine, cowFolder: '/fast' })
  })

  it.each([
    ['file:', 'it names no file; give file:PATH'],
    ['cowring:', 'it names no origin; give cowring:PATH'],
    ['cowring:memory', 'an origin in memory has a size'],
    ['cowring:disk,snapshot=3', "'snapshot' is no setting of it; known are size, snapshots, chunk, store"],
    ['cowring:disk,snapshots=65', "snapshots cannot be '65', it must be a whole number from 0 to 64"],
    ['cowring:disk,store=X', "store cannot be 'X', it must be one of P, PO, N"],
    ['cowring:disk,calls=sync', 'it must be one of async, in-place'],
    ['cowring:disk,size=', "size cannot be ''"],
    ['cowring:disk,constructor=1', "'constructor' is no setting of it"],
  ])('%s is refused', (text, sentence) => {
    expect(() => parseTarget(text)).toThrow(sentence)
    expect(() => parseTarget(text)).toThrow(`target '${text}'`)
  })
})

describe('an event', () => {
  it('is a time, a verb and what it is about', () => {
    expect(parseTimelineEvent('5s snapshot monday')).toEqual({
      atSeconds: 5,
      text: 'snapshot monday',
      verb: 'snapshot',
      name: 'monday',
      wish: {},
    })
    expect(parseTimelineEvent(' 500ms  snapshot a chunk=8 store=po durability=power-loss size=1m ')).toMatchObject({
      atSeconds: 0.5,
      wish: { chunkSectors: 8, store: 'PO', durability: 'power-loss', cowBytes: 2 ** 20 },
    })
    expect(parseTimelineEvent('1m merge a')).toEqual({ atSeconds: 60, text: 'merge a', verb: 'merge', name: 'a' })
    expect(parseTimelineEvent('2 remove a')).toEqual({ atSeconds: 2, text: 'remove a', verb: 'remove', name: 'a' })
    expect(parseTimelineEvent('3 kill-worker 1')).toMatchObject({ verb: 'kill-worker', worker: 1 })
  })

  it.each([
    ['', 'events are'],
    ['snapshot monday', 'it must be a time'],
    ['5s', 'is none'],
    ['5s snapshot', 'is none'],
    ['5s explode a', 'is none'],
    ['5s merge a b', "'b' is too much"],
    ['5s snapshot a chunk', "'chunk' is no setting of a snapshot"],
    ['5s snapshot a colour=red', "'colour=red' is no setting of a snapshot"],
    ['5s snapshot a toString=red', 'is no setting of a snapshot'],
    ['5s kill-worker', 'it must be a whole number from 0 to 15'],
    ['5s kill-worker 16', 'it must be a whole number from 0 to 15'],
  ])("'%s' is refused, and the forms are told", (text, sentence) => {
    expect(() => parseTimelineEvent(text)).toThrow(sentence)
    expect(() => parseTimelineEvent(text)).toThrow("'20s merge NAME'")
  })
})
