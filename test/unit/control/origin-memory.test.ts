import * as nodeFs from 'node:fs'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CowringError } from '../../../src/base/errors.js'
import { OriginMemory, type RememberedSnapshot } from '../../../src/control/origin-memory.js'
import type { ReplaceFs } from '../../../src/control/replace-file.js'

const monday: RememberedSnapshot = {
  name: 'monday',
  cow: 'monday.cow',
  store: 'P',
  chunkSectors: 8,
  durability: 'power-loss',
  readOnly: false,
}
const tuesday: RememberedSnapshot = {
  name: 'tuesday, before the upgrade',
  cow: '/elsewhere/tuesday.cow',
  store: 'PO',
  chunkSectors: 2 ** 21,
  durability: 'process-crash',
  readOnly: true,
  invalid: true,
}

let folder: string
let origin: string
let sidecar: string

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'cowring-memory-')))
  origin = join(folder, 'disk.img')
  sidecar = `${origin}.cowring`
  writeFileSync(origin, '')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const errorOf = (call: () => unknown): CowringError => {
  try {
    call()
  } catch (error) {
    if (error instanceof CowringError) return error
    throw error
  }
  throw new Error('it did not fail')
}

describe('the memory of a file', () => {
  it('answers the list that was saved, in its order', () => {
    OriginMemory.at(origin, false).save([monday, tuesday])
    expect(OriginMemory.at(origin, false).load()).toEqual([monday, tuesday])
  })

  it('of an unfinished merge has a later version, which older programs do not take for a list of plain snapshots', () => {
    const merging: RememberedSnapshot = { ...tuesday, merging: 'stopped' }
    OriginMemory.at(origin, false).save([monday, merging])
    expect(JSON.parse(readFileSync(sidecar, 'utf8'))).toMatchObject({ version: 2 })
    expect(OriginMemory.at(origin, false).load()).toEqual([monday, merging])
    OriginMemory.at(origin, false).save([monday])
    expect(JSON.parse(readFileSync(sidecar, 'utf8'))).toMatchObject({ version: 1 })
  })

  it('is empty when nothing was ever saved', () => {
    expect(OriginMemory.at(origin, false).load()).toEqual([])
  })

  it('lies beside the file, says what it is, and carries its format version', () => {
    const memory = OriginMemory.at(origin, false)
    memory.save([monday])
    expect(memory.file).toBe(sidecar)
    const text = readFileSync(sidecar, 'utf8')
    expect(text).toContain('Snapshots of this image; writing to it without them spoils them. Managed by cowring.')
    expect(JSON.parse(text)).toMatchObject({ version: 1, snapshots: [monday] })
    expect(text.split('\n').length).toBeGreaterThan(10)
  })

  it('is removed when the last snapshot is forgotten, and forgetting twice is no error', () => {
    const memory = OriginMemory.at(origin, false)
    memory.save([monday])
    memory.save([])
    memory.save([])
    expect(readdirSync(folder)).toEqual(['disk.img'])
    expect(memory.load()).toEqual([])
  })

  it('is the same whichever link the origin was opened by', () => {
    const link = join(folder, 'current')
    symlinkSync('disk.img', link)
    OriginMemory.at(link, false).save([monday])
    expect(existsSync(sidecar)).toBe(true)
    expect(existsSync(`${link}.cowring`)).toBe(false)
    expect(OriginMemory.at(origin, false).load()).toEqual([monday])
  })

  it('touches no file before it is used, and names an origin that is not there', () => {
    const memory = OriginMemory.at(join(folder, 'gone.img'), false)
    const error = errorOf(() => memory.load())
    expect(error.code).toBe('DEVICE_MISSING')
    expect(error.message).toContain('gone.img')
  })
})

describe('the path of a COW', () => {
  it('is stored relative to the origin when it lies in or below its folder, and so survives a move of the folder', () => {
    const here = join(folder, 'here')
    mkdirSync(join(here, 'cows'), { recursive: true })
    writeFileSync(join(here, 'disk.img'), '')
    const memory = OriginMemory.at(join(here, 'disk.img'), false)
    expect(memory.storeCow(join(here, 'monday.cow'))).toBe('monday.cow')
    expect(memory.storeCow(join(here, '..odd.cow'))).toBe('..odd.cow')
    const cow = memory.storeCow(join(here, 'cows', 'deep.cow'))
    expect(cow).toBe('cows/deep.cow')
    memory.save([{ ...monday, cow }])

    const there = join(folder, 'there')
    renameSync(here, there)
    const moved = OriginMemory.at(join(there, 'disk.img'), false)
    expect(moved.load().map((snapshot) => moved.resolveCow(snapshot.cow))).toEqual([join(there, 'cows', 'deep.cow')])
  })

  it('is stored absolute when it lies anywhere else', () => {
    const memory = OriginMemory.at(origin, false)
    expect(memory.storeCow('/elsewhere/a.cow')).toBe('/elsewhere/a.cow')
    expect(memory.storeCow(join(folder, '..', 'a.cow'))).toBe(join(folder, '..', 'a.cow'))
    expect(memory.resolveCow('/elsewhere/a.cow')).toBe('/elsewhere/a.cow')
  })

  it('is relative also when it was named through a linked folder, but keeps the link that is its own name', () => {
    symlinkSync(folder, join(folder, 'loop'))
    symlinkSync('/dev/null', join(folder, 'by-id'))
    const memory = OriginMemory.at(origin, false)
    expect(memory.storeCow(join(folder, 'loop', 'a.cow'))).toBe('a.cow')
    expect(memory.storeCow(join(folder, 'by-id'))).toBe('by-id')
  })
})

describe('a memory that cannot be trusted', () => {
  const written = (change: object): string => JSON.stringify({ about: '…', version: 1, snapshots: [monday], ...change })
  const withEntry = (change: object): string => written({ snapshots: [{ ...monday, ...change }] })

  it.each([
    ['is empty', '', 'is not JSON'],
    ['is cut short', written({}).slice(0, -20), 'is not JSON'],
    ['is no object', '[]', 'is not a JSON object'],
    ['has a later version', written({ version: 3 }), 'format version 3'],
    ['has no version', '{"snapshots":[]}', 'format version missing'],
    ['has no list', written({ snapshots: {} }), "no list 'snapshots'"],
    ['has an entry that is no object', written({ snapshots: [null] }), 'snapshots[0]'],
    ['has an empty name', withEntry({ name: '' }), 'snapshots[0].name'],
    ['has a name of 128 characters', withEntry({ name: 'x'.repeat(128) }), 'snapshots[0].name'],
    ['has a name with a slash', withEntry({ name: 'a/b' }), 'snapshots[0].name'],
    ['has a name with a control character', withEntry({ name: 'a\nb' }), 'snapshots[0].name'],
    ['has an empty path', withEntry({ cow: '' }), 'snapshots[0].cow'],
    ['lacks a path', withEntry({ cow: undefined }), 'snapshots[0].cow'],
    ['has a transient store', withEntry({ store: 'N' }), 'snapshots[0].store'],
    ['has a chunk that is no power of two', withEntry({ chunkSectors: 24 }), 'snapshots[0].chunkSectors'],
    ['has a chunk above 1 GiB', withEntry({ chunkSectors: 2 ** 22 }), 'snapshots[0].chunkSectors'],
    ['has a chunk in text', withEntry({ chunkSectors: '8' }), 'snapshots[0].chunkSectors'],
    ['promises nothing', withEntry({ durability: 'none' }), 'snapshots[0].durability'],
    ['has a mode in text', withEntry({ readOnly: 'false' }), 'snapshots[0].readOnly'],
    ['has an odd invalid mark', withEntry({ invalid: 1 }), 'snapshots[0].invalid'],
    ['has an odd merging mark', withEntry({ merging: true }), 'snapshots[0].merging'],
    [
      'has two unfinished merges',
      written({
        snapshots: [
          { ...monday, merging: 'running' },
          { ...tuesday, merging: 'stopped' },
        ],
      }),
      'more than one snapshot that it is being merged',
    ],
    ['lists a name twice', written({ snapshots: [monday, { ...monday, cow: 'b' }] }), "the name 'monday' twice"],
    ['lists a COW twice', written({ snapshots: [monday, { ...monday, name: 'b' }] }), "the cow 'monday.cow' twice"],
  ])('is refused when it %s', (_, text, says) => {
    writeFileSync(sidecar, text)
    const error = errorOf(() => OriginMemory.at(origin, false).load())
    expect(error.code).toBe('STORE_CORRUPT')
    expect(error.message).toContain(sidecar)
    expect(error.message).toContain(says)
    expect(error.facts.path).toBe(sidecar)
    expect(readFileSync(sidecar, 'utf8')).toBe(text)
  })

  it('is refused when it cannot be read at all', () => {
    mkdirSync(sidecar)
    expect(errorOf(() => OriginMemory.at(origin, false).load()).code).toBe('STORE_CORRUPT')
  })

  it('is accepted with fields that a later version may add', () => {
    writeFileSync(sidecar, written({ note: 'x', snapshots: [{ ...monday, colour: 'red' }] }))
    expect(OriginMemory.at(origin, false).load()).toEqual([monday])
  })

  it('takes the longest names and any script in them', () => {
    const names = ['x'.repeat(127), 'понедельник', '月曜日', ' ', '.']
    OriginMemory.at(origin, false).save(names.map((name, index) => ({ ...monday, name, cow: `${index}.cow` })))
    expect(
      OriginMemory.at(origin, false)
        .load()
        .map((snapshot) => snapshot.name),
    ).toEqual(names)
  })

  it('is never written: a list that would not load again is a programming error', () => {
    const memory = OriginMemory.at(origin, false)
    expect(() => memory.save([monday, monday])).toThrow("lists the name 'monday' twice")
    expect(existsSync(sidecar)).toBe(false)
  })
})

describe('a crash while saving', () => {
  it('leaves a temporary file that the next load ignores and the next save replaces', () => {
    OriginMemory.at(origin, false).save([monday])
    writeFileSync(`${sidecar}.tmp`, '{"version":1,"snaps')
    expect(OriginMemory.at(origin, false).load()).toEqual([monday])
    OriginMemory.at(origin, false).save([tuesday])
    expect(OriginMemory.at(origin, false).load()).toEqual([tuesday])
    expect(readdirSync(folder).sort()).toEqual(['disk.img', 'disk.img.cowring'])
  })

  it('never writes through a link planted under the temporary name', () => {
    const victim = join(folder, 'victim')
    writeFileSync(victim, 'precious')
    symlinkSync(victim, `${sidecar}.tmp`)
    OriginMemory.at(origin, false).save([monday])
    expect(readFileSync(victim, 'utf8')).toBe('precious')
  })

  it.each([
    ['a change', [monday], [monday, tuesday]],
    ['the first list', [], [monday]],
    ['a removal', [monday], []],
  ])('leaves the old list or the new, whichever step it hits: %s', (_, before, after) => {
    for (let stepsDone = 0; ; stepsDone++) {
      OriginMemory.at(origin, false).save(before)
      const crashing = faultyFs(stepsDone)
      let crashed = false
      try {
        OriginMemory.at(origin, false, crashing.fs).save(after)
      } catch (error) {
        expect(error).toMatchObject({ code: 'IO_ERROR', facts: { path: sidecar } })
        crashed = true
      }
      const found = OriginMemory.at(origin, false).load()
      expect([before, after]).toContainEqual(found)
      if (!crashed) {
        expect(found).toEqual(after)
        expect(stepsDone).toBeGreaterThan(3)
        return
      }
    }
  })

  it('makes the bytes durable before the name, and the name before it returns', () => {
    const { fs, log } = faultyFs(Number.POSITIVE_INFINITY)
    OriginMemory.at(origin, false, fs).save([monday])
    expect(log).toEqual(['rm', 'open', 'write', 'fsync', 'close', 'rename', 'open', 'fsync', 'close'])
  })

  it('is made durable as it is when it is settled, also where there is none: a killed process may have left it in memory only', () => {
    for (const saved of [[monday], []]) {
      OriginMemory.at(origin, false).save(saved)
      const { fs, log } = faultyFs(Number.POSITIVE_INFINITY)
      OriginMemory.at(origin, false, fs).settle()
      expect(log).toEqual(['open', 'fsync', 'close'])
    }
    const error = errorOf(() => OriginMemory.at(origin, false, faultyFs(1).fs).settle())
    expect(error).toMatchObject({ code: 'IO_ERROR', facts: { path: sidecar } })
    expect(error.message).toContain('try again')
  })

  it('says what failed and what to do when the folder takes no file', () => {
    mkdirSync(sidecar)
    const error = errorOf(() => OriginMemory.at(origin, false).save([monday]))
    expect(error.code).toBe('IO_ERROR')
    expect(error.message).toContain(sidecar)
    expect(error.message).toContain('try again')
    expect(readdirSync(folder).sort()).toEqual(['disk.img', 'disk.img.cowring'])
  })
})

describe('the memory of a block device', () => {
  const stateBefore = process.env.XDG_STATE_HOME
  beforeEach(() => {
    process.env.XDG_STATE_HOME = join(folder, 'state')
  })
  afterEach(() => {
    if (stateBefore === undefined) delete process.env.XDG_STATE_HOME
    else process.env.XDG_STATE_HOME = stateBefore
  })

  it('is kept in the state folder, which is made and private, and says which device it belongs to', () => {
    const memory = OriginMemory.at(origin, true)
    memory.save([tuesday])
    expect(memory.file).toBe(join(folder, 'state', 'cowring', 'kernel-name-disk.img.cowring'))
    expect(statSync(join(folder, 'state', 'cowring')).mode & 0o777).toBe(0o700)
    expect(JSON.parse(readFileSync(memory.file, 'utf8'))).toMatchObject({ device: 'kernel-name-disk.img' })
    expect(OriginMemory.at(origin, true).load()).toEqual([tuesday])
    expect(existsSync(sidecar)).toBe(false)
  })

  it('is empty, and stays absent when emptied, while there is no state folder', () => {
    const memory = OriginMemory.at(origin, true)
    expect(memory.load()).toEqual([])
    memory.save([])
    expect(existsSync(join(folder, 'state'))).toBe(false)
  })

  it('stores every COW absolute: /dev is no folder to move', () => {
    expect(OriginMemory.at(origin, true).storeCow(join(folder, 'a.cow'))).toBe(join(folder, 'a.cow'))
  })

  it('ignores a relative XDG_STATE_HOME, as its specification says', () => {
    process.env.XDG_STATE_HOME = 'state'
    expect(OriginMemory.at(origin, true).file).toContain('/.local/state/cowring/')
  })
})

/** The real file system, which stops for good after `stepsDone` calls, and a log of the calls. */
function faultyFs(stepsDone: number): { fs: ReplaceFs; log: string[] } {
  const log: string[] = []
  const step = <A extends unknown[], R>(name: string, call: (...args: A) => R) => {
    return (...args: A): R => {
      if (log.length >= stepsDone) throw new Error(`crash before ${name}`)
      log.push(name)
      return call(...args)
    }
  }
  const fs = {
    openSync: step('open', nodeFs.openSync),
    writeFileSync: step('write', nodeFs.writeFileSync),
    fsyncSync: step('fsync', nodeFs.fsyncSync),
    closeSync: step('close', nodeFs.closeSync),
    renameSync: step('rename', nodeFs.renameSync),
    rmSync: step('rm', nodeFs.rmSync),
    mkdirSync: nodeFs.mkdirSync,
  }
  return { fs, log }
}
