/** `cowring store` and the help of every command. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cowringProgram } from '../../src/cli/program.js'
import { DaemonUnderTest } from '../support/daemon-process.js'
import { entryOffset } from '../support/store-image.js'

const test = new DaemonUnderTest()

/** The recorded layout of a store: chunk 8, these entries. */
function store(name: string, entries: readonly (readonly [number, number])[], chunks = 64): string {
  const image = Buffer.alloc(chunks * 4096)
  image.writeUInt32LE(0x70416e53, 0)
  image.writeUInt32LE(1, 4)
  image.writeUInt32LE(1, 8)
  image.writeUInt32LE(8, 12)
  for (const [index, [old, newChunk]] of entries.entries()) {
    image.writeBigUInt64LE(BigInt(old), entryOffset(index, 8))
    image.writeBigUInt64LE(BigInt(newChunk), entryOffset(index, 8) + 8)
  }
  const path = join(test.folder, name)
  writeFileSync(path, image)
  return path
}

let good: string
let bad: string
beforeAll(() => {
  good = store('good', [
    [7, 2],
    [3, 3],
  ])
  bad = store('bad', [
    [7, 2],
    [7, 3],
    [9, 64],
  ])
})
afterAll(() => test.close())

describe('cowring store', () => {
  it('info prints what a store is', async () => {
    const { code, out, err } = await test.run(['store', 'info', 'good'])
    expect([code, err]).toEqual([0, ''])
    expect(out.toString()).toBe(
      [
        `Store:    ${good}`,
        'Size:     512 sectors (256 KiB)',
        'State:    valid',
        'Version:  1',
        'Chunk:    8 sectors (4 KiB)',
        'Entries:  2 in 1 area',
        'Usage:    32/512 16 (6.25 %)',
        'Problems: none',
        '',
      ].join('\n'),
    )
    expect(JSON.parse((await test.run(['store', 'info', '--json', 'good'])).out.toString())).toEqual({
      path: good,
      cowSectors: 512,
      kind: 'store',
      valid: true,
      version: 1,
      chunkSectors: 8,
      entries: 2,
      areas: 1,
      usage: { allocatedSectors: 32, totalSectors: 512, metadataSectors: 16 },
      percent: 6.25,
      problemCount: 0,
      problems: [],
    })
  })

  it('dump prints the entries, with what is wrong beside each', async () => {
    expect((await test.run(['store', 'dump', 'good'])).out.toString()).toBe(
      '# entry old-chunk new-chunk\n0 7 2\n1 3 3\n',
    )
    expect((await test.run(['store', 'dump', 'bad'])).out.toString()).toBe(
      [
        '# entry old-chunk new-chunk',
        '0 7 2',
        '1 7 3  # entry 1 is a second one for chunk 7',
        "2 9 64  # entry 2 points at chunk 64, past the COW's 64 chunks",
        '',
      ].join('\n'),
    )
    const dumped = JSON.parse((await test.run(['store', 'dump', 'bad', '--json'])).out.toString())
    expect(dumped.entries[1]).toEqual({
      entry: 1,
      oldChunk: 7,
      newChunk: 3,
      problem: 'entry 1 is a second one for chunk 7',
    })
    expect(dumped.report).toMatchObject({ entries: 3, problemCount: 2 })
    const empty = store('empty', [])
    expect(JSON.parse((await test.run(['store', 'dump', empty, '--json'])).out.toString()).entries).toEqual([])
  })

  it('dump of many entries ends well when its reader has seen enough', async () => {
    store(
      'many',
      Array.from({ length: 20000 }, (_, index) => [index, 2 + index + Math.floor(index / 256)] as const),
      20500,
    )
    const dump = test.start('store', 'dump', 'many')
    await dump.printed('0 0 2')
    dump.child.stdout?.destroy()
    expect((await dump.ended).err).toBe('')
    const { out } = await test.run(['store', 'dump', 'many'])
    expect(out.toString().split('\n')).toHaveLength(20002)
    expect(JSON.parse((await test.run(['store', 'dump', '--json', 'many'])).out.toString()).entries).toHaveLength(20000)
  })

  it('check exits 0 for a sound store, 1 for a bad one, naming every problem', async () => {
    expect(await test.run(['store', 'check', 'good'])).toMatchObject({ code: 0, err: '' })
    const { code, out } = await test.run(['store', 'check', 'bad'])
    expect(code).toBe(1)
    expect(out.toString()).toBe(
      `${bad}: 2 problems\n  entry 1 is a second one for chunk 7\n  entry 2 points at chunk 64, past the COW's 64 chunks\n`,
    )
    const small = await test.run(['store', 'check', 'good', '--origin-size', '56'])
    expect(small.code).toBe(1)
    expect(small.out.toString()).toContain("entry 0 is for chunk 7, past the origin's 7 chunks")
    expect((await test.run(['store', 'check', 'good', '--origin-size', '57'])).code).toBe(0)
    expect((await test.run(['store', 'check', 'bad', '--json'])).code).toBe(1)
    writeFileSync(join(test.folder, 'blank'), Buffer.alloc(8192))
    expect((await test.run(['store', 'check', 'blank'])).code).toBe(1)
  })

  it('says in one line what it cannot open', async () => {
    for (const verb of ['info', 'dump', 'check']) {
      const { code, err } = await test.run(['store', verb, 'none'])
      expect(code).toBe(1)
      expect(err).toMatch(/^cowring: [^\n]*none[^\n]*\n$/)
    }
    expect((await test.run(['store', 'check', 'good', '--origin-size', 'x'])).code).toBe(2)
  })

  it('refuses a store that a daemon is writing to', async () => {
    test.file('disk', 512)
    test.file('cow', 512)
    await test.daemon()
    await test.dm(['create', 's', '--table', '0 512 snapshot disk cow P 8'])
    const { code, err } = await test.run(['store', 'info', 'cow'])
    expect(code).toBe(1)
    expect(err).toContain('has it locked')
  })
})

describe('the help of every command', () => {
  it('has an example that begins with the command', async () => {
    const paths: string[][] = []
    const visit = (command: ReturnType<typeof cowringProgram>, path: string[]) => {
      if (path[0] !== 'dmsetup') paths.push(path)
      for (const one of command.commands) visit(one, [...path, one.name()])
    }
    visit(
      cowringProgram(() => {}),
      [],
    )
    expect(paths.length).toBeGreaterThan(12)
    for (const path of paths) {
      const { code, out } = await test.run([...path, '--help'])
      expect([path, code]).toEqual([path, 0])
      expect(out.toString()).toMatch(new RegExp(`\nExamples?:\n {2}\\$ [^\n]*cowring ${path.join(' ')}`))
    }
  })
})
