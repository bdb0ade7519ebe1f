/** libnbd's own programs: nbdinfo and nbdcopy. Each test is skipped by name where its program is missing. */
import { readFileSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mebibyte, pattern } from '../support/nbd/images.js'
import { type Served, serve } from '../support/nbd/served.js'
import { hasTool, makeCertificates, mustRun, runTool } from '../support/nbd/tools.js'

const size = 16 * mebibyte
let served: Served

beforeEach(async () => {
  served = await serve({
    byteLength: size,
    written: [[0, 4 * mebibyte]],
    snapshots: [{ name: 'before', chunkSectors: 8 }],
  })
})
afterEach(() => served.close())

describe.skipIf(!hasTool('nbdinfo'))('nbdinfo (skipped where it is missing)', () => {
  it('tells of an export what it is', async () => {
    const out = await mustRun('nbdinfo', [served.uri('before')])
    expect(out).toContain('protocol: newstyle-fixed without TLS, using structured packets')
    for (const line of [
      `export-size: ${size}`,
      'is_read_only: false',
      'can_multi_conn: true',
      'can_fua: true',
      'can_flush: true',
    ])
      expect(out).toContain(line)
    for (const line of ['can_zero: true', 'can_trim: true', 'can_fast_zero: true', 'can_df: true', 'can_cache: true'])
      expect(out).toContain(line)
    for (const context of ['base:allocation', 'qemu:allocation-depth']) expect(out).toContain(context)
    expect(out).toContain('block_size_preferred: 4096')
    expect(out).toContain('block_size_maximum: 33554432')
  })

  it('lists all exports', async () => {
    const { exports } = JSON.parse(await mustRun('nbdinfo', ['--list', '--json', served.uri()]))
    const told = exports.map((each: Record<string, unknown>) => [each['export-name'], each['export-size']])
    expect(told.toSorted()).toEqual([
      ['before', size],
      ['disk', size],
    ])
  })

  it('says it all as JSON', async () => {
    const said = JSON.parse(await mustRun('nbdinfo', ['--json', served.uri('disk')]))
    expect(said).toMatchObject({ protocol: 'newstyle-fixed', TLS: false, structured: true })
    expect(said.exports[0].contexts).toContain('qemu:dirty-bitmap:before')
  })

  it('--size, --is and --can', async () => {
    expect(await mustRun('nbdinfo', ['--size', served.uri()])).toBe(`${size}\n`)
    expect((await runTool('nbdinfo', ['--is', 'read-only', served.uri()])).code).toBe(2)
    for (const what of [
      'connect',
      'flush',
      'fua',
      'multi-conn',
      'zero',
      'fast-zero',
      'trim',
      'df',
      'cache',
      'structured-reply',
    ])
      expect([what, (await runTool('nbdinfo', ['--can', what, served.uri()])).code]).toEqual([what, 0])
  })

  it('maps all three contexts', async () => {
    const map = async (name: string, context?: string): Promise<unknown> =>
      JSON.parse(
        await mustRun('nbdinfo', ['--json', `--map${context === undefined ? '' : `=${context}`}`, served.uri(name)]),
      )
    expect(await map('before')).toEqual([
      { offset: 0, length: 4 * mebibyte, type: 0, description: 'data' },
      { offset: 4 * mebibyte, length: 12 * mebibyte, type: 3, description: 'hole,zero' },
    ])
    await served.origin.write(mebibyte, pattern(mebibyte, 8192, 2))
    const dirty = await map('disk', 'qemu:dirty-bitmap:before')
    expect(dirty).toEqual([
      { offset: 0, length: mebibyte, type: 0, description: 'clean' },
      { offset: mebibyte, length: 8192, type: 1, description: 'dirty' },
      { offset: mebibyte + 8192, length: size - mebibyte - 8192, type: 0, description: 'clean' },
    ])
    const depth = (await map('before', 'qemu:allocation-depth')) as { offset: number; length: number; type: number }[]
    expect(depth.find(({ offset }) => offset === mebibyte)).toMatchObject({ length: 8192, type: 1 })
    expect(depth[0]).toMatchObject({ offset: 0, length: mebibyte, type: 2 })
  })

  it('an export that is not there is an error', async () => {
    const { code, err } = await runTool('nbdinfo', [served.uri('nowhere')])
    expect(code).not.toBe(0)
    expect(err).toContain('No such file or directory for export: nowhere')
  })
})

describe.skipIf(!hasTool('nbdcopy'))('nbdcopy (skipped where it is missing)', () => {
  const copy = (...words: string[]): Promise<string> => mustRun('nbdcopy', words)

  it.each([1, 4])('out, with %i connections', async (connections) => {
    await served.origin.write(2 * mebibyte, pattern(2 * mebibyte, mebibyte, 2))
    for (const [name, salt] of [
      ['disk', 2],
      ['before', 1],
    ] as const) {
      await copy(`--connections=${connections}`, served.uri(name), served.folder.at('copy'))
      const copied = readFileSync(served.folder.at('copy'))
      expect(copied.length).toBe(size)
      expect(copied.subarray(2 * mebibyte, 3 * mebibyte).equals(pattern(2 * mebibyte, mebibyte, salt))).toBe(true)
      expect(copied.subarray(4 * mebibyte).every((byte) => byte === 0)).toBe(true)
    }
  })

  it.each([1, 4])('in, with %i connections, while the snapshot stays', async (connections) => {
    const bytes = pattern(0, size, 7)
    bytes.fill(0, 5 * mebibyte, 9 * mebibyte)
    writeFileSync(served.folder.at('given'), bytes)
    await copy(`--connections=${connections}`, '--flush', served.folder.at('given'), served.uri('disk'))
    expect(served.folder.content('disk').equals(bytes)).toBe(true)
    const client = await served.connect({ name: 'before' })
    expect((await client.read(0, 4 * mebibyte)).equals(pattern(0, 4 * mebibyte, 1))).toBe(true)
    expect((await client.read(4 * mebibyte, 12 * mebibyte)).every((byte) => byte === 0)).toBe(true)
  })

  it('from a snapshot into another image, with holes and --destination-is-zero', async () => {
    const other = await serve({ byteLength: size, written: [] })
    try {
      await copy('--connections=2', '--destination-is-zero', served.uri('before'), other.uri('disk'))
      expect(other.folder.content('disk').equals(served.folder.content('disk'))).toBe(true)
      await copy('--allocated', served.uri('before'), other.uri('disk'))
      expect(other.folder.content('disk').equals(served.folder.content('disk'))).toBe(true)
    } finally {
      await other.close()
    }
  })

  it('of a snapshot while its origin is written to', async () => {
    const client = await served.connect()
    let isOver = false
    const writing = (async () => {
      for (let round = 0; !isOver; round++)
        for (let at = 0; at < 4 * mebibyte && !isOver; at += 65536)
          await client.write(at, pattern(at, 65536, 10 + round))
    })()
    for (let round = 0; round < 3; round++) {
      await copy('--connections=4', served.uri('before'), served.folder.at('copy'))
      expect(
        served.folder
          .content('copy')
          .subarray(0, 4 * mebibyte)
          .equals(pattern(0, 4 * mebibyte, 1)),
      ).toBe(true)
    }
    isOver = true
    await writing
  })
})

describe.skipIf(!hasTool('nbdinfo') || !hasTool('openssl'))('TLS (skipped where nbdinfo or openssl is missing)', () => {
  it('with certificates of both sides', async () => {
    makeCertificates(served.folder.path)
    const secure = await serve({ tls: { certificates: served.folder.path, verifyPeer: true }, isTcp: true })
    try {
      const uri = secure.uri('disk').replace('127.0.0.1', 'localhost')
      const withFolder = `${uri}${uri.includes('?') ? '&' : '?'}tls-certificates=${served.folder.path}`
      const said = JSON.parse(await mustRun('nbdinfo', ['--json', withFolder]))
      expect(said).toMatchObject({ TLS: true, structured: true })
      expect(said.exports[0]['export-size']).toBe(2 * mebibyte)
      if (hasTool('nbdcopy')) {
        await mustRun('nbdcopy', ['--connections=4', withFolder, served.folder.at('copy')])
        expect(served.folder.content('copy').equals(pattern(0, 2 * mebibyte, 1))).toBe(true)
        writeFileSync(served.folder.at('given'), pattern(0, 2 * mebibyte, 5))
        await mustRun('nbdcopy', ['--connections=4', '--flush', served.folder.at('given'), withFolder])
        expect(secure.folder.content('disk').equals(pattern(0, 2 * mebibyte, 5))).toBe(true)
      }
      const plain = await runTool('nbdinfo', [uri.replace('nbds:', 'nbd:')])
      expect(plain.code).not.toBe(0)
    } finally {
      await secure.close()
    }
  })

  it('with shared keys', async () => {
    const keys = served.folder.at('keys.psk')
    writeFileSync(keys, `alice:${'a5'.repeat(32)}\n`, { mode: 0o600 })
    const secure = await serve({ tls: { pskFile: keys } })
    try {
      const uri = secure.uri('disk').replace(/^nbds\+unix:\/\//, 'nbds+unix://alice@')
      const said = JSON.parse(await mustRun('nbdinfo', ['--json', `${uri}&tls-psk-file=${keys}`]))
      expect(said).toMatchObject({ TLS: true })
    } finally {
      await secure.close()
    }
  })
})
