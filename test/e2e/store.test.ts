/** `cowring store` and the help of every command. */

import { spawnSync } from 'node:child_process'
import { existsSync, linkSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cowringProgram } from '../../src/cli/program.js'
import { cowringMain, DaemonUnderTest } from '../support/daemon-process.js'
import { storeByHand } from '../support/store-by-hand.js'
import { newChunkOf } from '../support/store-image.js'

const test = new DaemonUnderTest()

/** Chunk 8, these entries; each chunk's data is full of its number. */
function store(name: string, entries: readonly (readonly [number, number])[], chunks = 64): string {
  const path = join(test.folder, name)
  writeFileSync(path, storeByHand({ entries, chunks }))
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
        'Remarks:  none',
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
      remarks: [],
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

  it('check remarks on what is odd and exits 0 all the same, 1 with --strict', async () => {
    const odd = store('odd', [
      [7, 5],
      [8, 3],
    ])
    const remarks = [
      'entry 1 points at a lower chunk than the one before: old kernels wrote such lists, and they load',
      '2 data chunks belong to no entry (the first is chunk 2): 16 sectors are lost',
    ]
    const { code, out } = await test.run(['store', 'check', 'odd'])
    expect(code).toBe(0)
    expect(out.toString()).toBe(
      `${odd}: no problem in 2 entries, 2 remarks\n  remark: ${remarks[0]}\n  remark: ${remarks[1]}\n`,
    )
    expect((await test.run(['store', 'check', '--strict', 'odd'])).code).toBe(1)
    expect((await test.run(['store', 'check', '--strict', 'good'])).code).toBe(0)
    const { code: codeOfJson, out: json } = await test.run(['store', 'check', '--strict', '--json', 'odd'])
    expect(codeOfJson).toBe(1)
    expect(JSON.parse(json.toString())).toMatchObject({ problemCount: 0, remarks })
    expect((await test.run(['store', 'info', 'odd'])).out.toString()).toContain(
      `Remarks:  2\n  remark: ${remarks[0]}\n`,
    )
  })

  it('says in one line what it cannot open', async () => {
    for (const verb of ['info', 'dump', 'check', 'delta']) {
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

describe('cowring store repair', () => {
  it('writes a new store, and says what was left out and where the snapshot shows the origin', async () => {
    store('broken', [
      [7, 2],
      [7, 3],
      [9, 64],
      [4, 4],
      [10, 4],
      [20, 5],
      [20, 5],
    ])
    const before = readFileSync(join(test.folder, 'broken'))
    const { code, out, err } = await test.run(['store', 'repair', 'broken', 'mended'])
    expect([code, err]).toEqual([0, ''])
    expect(out.toString()).toBe(
      [
        `${test.folder}/mended: 1 of 7 entries of ${test.folder}/broken`,
        "  note: 2 entries that were left out were perhaps for another chunk than said: those show the origin's present content too, and cannot be named",
        'left out (entry, chunk of the origin, chunk of the COW):',
        '  0 7 2  # entry 0 is for chunk 7, and so is entry 1',
        '  1 7 3  # entry 1 is for chunk 7, and so is entry 0',
        "  2 9 64  # entry 2 points at chunk 64, past the COW's 64 chunks",
        '  3 4 4  # entry 3 points at chunk 4, and so does entry 4',
        '  4 10 4  # entry 4 points at chunk 4, and so does entry 3',
        '  6 20 5  # entry 6 repeats entry 5',
        "the snapshot shows the origin's present content at (offset, length, in bytes):",
        '  16384 4096',
        '  28672 4096',
        '  36864 8192',
        '',
      ].join('\n'),
    )
    expect(readFileSync(join(test.folder, 'broken')).equals(before)).toBe(true)
    expect((await test.run(['store', 'check', '--strict', 'mended'])).code).toBe(0)
    expect((await test.run(['store', 'dump', 'mended'])).out.toString()).toBe('# entry old-chunk new-chunk\n0 20 2\n')
    expect(
      readFileSync(join(test.folder, 'mended'))
        .subarray(8192, 12288)
        .every((byte) => byte === 5),
    ).toBe(true)
  })

  it('of a sound store says that nothing is lost', async () => {
    const { out } = await test.run(['store', 'repair', 'good', 'copy'])
    expect(out.toString()).toBe(`${test.folder}/copy: 2 of 2 entries of ${good}, nothing is lost\n`)
  })

  it('prints JSON', async () => {
    const from = store('bad-but-one', [
      [7, 2],
      [7, 3],
      [9, 64],
      [1, 4],
    ])
    const { out } = await test.run(['store', 'repair', 'bad-but-one', 'mended-json', '--json', '--origin-size', '80'])
    expect(JSON.parse(out.toString())).toEqual({
      from,
      to: `${test.folder}/mended-json`,
      chunkSectors: 8,
      entries: 4,
      kept: 1,
      dropped: [
        { entry: 0, oldChunk: 7, newChunk: 2, reason: 'entry 0 is for chunk 7, and so is entry 1', isLost: true },
        { entry: 1, oldChunk: 7, newChunk: 3, reason: 'entry 1 is for chunk 7, and so is entry 0', isLost: true },
        {
          entry: 2,
          oldChunk: 9,
          newChunk: 64,
          reason: "entry 2 points at chunk 64, past the COW's 64 chunks",
          isLost: true,
        },
      ],
      lost: [
        { offset: 28672, length: 4096 },
        { offset: 36864, length: 4096 },
      ],
      notes: [
        "an entry that was left out was perhaps for another chunk than said: that one shows the origin's present content too, and cannot be named",
      ],
    })
  })

  it('takes a chunk size where the header is damaged, and the rest of an invalidated store when asked for', async () => {
    const path = join(test.folder, 'no-header')
    writeFileSync(path, storeByHand({ entries: [[7, 2]], header: { chunkSectors: 7 } }))
    const refused = await test.run(['store', 'repair', 'no-header', 'with-header'])
    expect(refused.code).toBe(1)
    expect(refused.err).toContain('its header names a chunk of 7 sectors')
    const { out } = await test.run(['store', 'repair', '--chunk', '8', 'no-header', 'with-header'])
    expect(out.toString()).toContain('it was read with chunks of 8 sectors, as asked for')
    writeFileSync(path, storeByHand({ entries: [[7, 2]], header: { valid: 0 } }))
    const invalid = await test.run(['store', 'repair', 'no-header', 'salvaged'])
    expect([invalid.code, existsSync(join(test.folder, 'salvaged'))]).toEqual([1, false])
    expect(invalid.err).toContain('--salvage-invalid')
    const salvaged = await test.run(['store', 'repair', '--salvage-invalid', 'no-header', 'salvaged'])
    expect(salvaged.code).toBe(0)
    expect(salvaged.out.toString()).toContain('shows no moment of the origin')
  })

  it('refuses in one line, and leaves everything as it was', async () => {
    linkSync(join(test.folder, 'broken'), join(test.folder, 'broken-link'))
    writeFileSync(join(test.folder, 'something'), Buffer.alloc(2 ** 20).fill(1, 2 ** 19))
    store('hopeless', [[7, 900]])
    const files = () =>
      readdirSync(test.folder)
        .filter((name) => !name.endsWith('.sock'))
        .map((name) => [name, readFileSync(join(test.folder, name)).toString('base64')])
    const before = files()
    const refusals: [string[], RegExp][] = [
      [['broken', 'broken'], /one file/],
      [['broken', 'broken-link'], /one file/],
      [['broken', 'something'], /not blank/],
      [['broken', 'good'], /not blank/],
      [['broken', 'no-folder/new'], /does not exist/],
      [['none', 'new'], /does not exist/],
      [['blank', 'new'], /blank/],
      [['hopeless', 'new'], /nothing was written/],
      [['broken', 'new', '--origin', 'none'], /does not exist/],
    ]
    for (const [words, text] of refusals) {
      const { code, err } = await test.run(['store', 'repair', ...words])
      expect([words, code]).toEqual([words, 1])
      expect(err).toMatch(/^cowring: [^\n]+\n$/)
      expect(err).toMatch(text)
    }
    for (const words of [
      ['broken'],
      ['broken', 'new', '--chunk', 'x'],
      ['broken', 'new', '--origin', 'a', '--origin-size', '8'],
    ]) {
      expect((await test.run(['store', 'repair', ...words])).code).toBe(2)
    }
    expect(files()).toEqual(before)
  })

  it('leaves no new file behind when Ctrl-C stops it', async () => {
    const entries = Array.from({ length: 25_000 }, (_, index) => [index, newChunkOf(index, 8)] as const)
    store('long', entries, 25_200)
    const repair = test.start('store', 'repair', 'long', 'stopped')
    const isOver = repair.ended.then(() => true)
    const isMade = () => existsSync(join(test.folder, 'stopped'))
    while (!isMade() && !(await Promise.race([isOver, new Promise<false>((go) => setTimeout(go, 1, false))])));
    repair.child.kill('SIGINT')
    const { code, err } = await repair.ended
    expect([code, err]).toEqual([130, 'cowring: the repair was stopped; stopped is as it was before\n'])
    expect(isMade()).toBe(false)
  })

  it('leaves no new file behind when there is no room for it', async () => {
    const line = `ulimit -f 100; exec "$0" "$1" store repair broken no-room`
    const options = { cwd: test.folder, encoding: 'utf8' } as const
    const { status, stderr } = spawnSync('bash', ['-c', line, process.execPath, cowringMain], options)
    expect([status, existsSync(join(test.folder, 'no-room'))]).toEqual([1, false])
    expect(stderr).toMatch(/^cowring: [^\n]*no-room[^\n]*EFBIG[^\n]*\n$/)
  })
})

describe('cowring store delta', () => {
  it('lists where a snapshot may differ from its origin, and with the origin where it does', async () => {
    const { code, out, err } = await test.run(['store', 'delta', 'good'])
    expect([code, err]).toEqual([0, ''])
    expect(out.toString()).toBe('# offset length kind\n12288 4096 may-differ\n28672 4096 may-differ\n')
    // What chunk 2 of the COW holds, but for one sector.
    const origin = Buffer.alloc(10 * 4096, 2).fill(3, 12288, 16384)
    origin[28672 + 1024] = 9
    writeFileSync(join(test.folder, 'image'), origin)
    const compared = await test.run(['store', 'delta', '--origin', 'image', 'good'])
    expect(compared.out.toString()).toBe('# offset length kind\n29696 512 differs\n')
  })

  it('lists where two snapshots differ, as JSON too', async () => {
    store('other', [
      [3, 4],
      [7, 2],
      [8, 3],
    ])
    const ranges = [
      { offset: 12288, length: 4096, kind: 'differs' },
      { offset: 32768, length: 4096, kind: 'may-differ' },
    ]
    const { out } = await test.run(['store', 'delta', '--json', 'good', 'other'])
    expect(JSON.parse(out.toString())).toEqual({ ranges })
    expect(JSON.parse((await test.run(['store', 'delta', '--json', 'good', 'good'])).out.toString())).toEqual({
      ranges: [],
    })
    expect((await test.run(['store', 'delta', 'good', 'other', '--origin-size', '67'])).out.toString()).toBe(
      '# offset length kind\n12288 4096 differs\n32768 1536 may-differ\n',
    )
  })

  it('refuses in one line what the loader refuses, and prints nothing of a document', async () => {
    writeFileSync(join(test.folder, 'invalid'), storeByHand({ entries: [[7, 2]], header: { valid: 0 } }))
    for (const words of [
      ['bad'],
      ['good', 'bad', '--json'],
      ['invalid'],
      ['blank', '--json'],
      ['good', '--origin-size', '8'],
    ]) {
      const { code, out, err } = await test.run(['store', 'delta', ...words])
      expect([code, out.toString()]).toEqual([1, ''])
      expect(err).toMatch(/^cowring: [^\n]+\n$/)
    }
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
