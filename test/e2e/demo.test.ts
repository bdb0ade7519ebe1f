import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const cli = new URL('../../dist/src/cli/main.js', import.meta.url).pathname

let folder: string
/** Where the demo puts its own folder. */
let scratch: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowring-e2e-'))
  scratch = join(folder, 'scratch')
  mkdirSync(scratch)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

function cowring(...words: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, ...words], { env: { ...process.env, TMPDIR: scratch } }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err })
    })
  })
}

function makeImage(byteLength: number): { path: string; content: Buffer; shortDigest: string } {
  const path = join(folder, 'mine.img')
  const content = randomBytes(byteLength)
  writeFileSync(path, content)
  const wholeSectors = content.subarray(0, byteLength - (byteLength % 512))
  return { path, content, shortDigest: createHash('sha256').update(wholeSectors).digest('hex').slice(0, 16) }
}

const occurrences = (text: string, part: string): number => text.split(part).length - 1

describe('cowring demo IMAGE', () => {
  it('verifies everything, shows the old digests, and leaves the image and the temporary folder as they were', async () => {
    const image = makeImage(8 * 2 ** 20)
    const before = statSync(image.path)
    const { code, out, err } = await cowring('demo', '--seconds', '1', image.path)

    expect(err).toBe('')
    expect(out).toMatch(/^Everything verified: 13 checks in /m)
    expect(out).toContain(`${image.path} is as it was.`)
    expect(code).toBe(0)

    // The image; both snapshots after the writes; snap-a after the fork and after reopening.
    expect(occurrences(out, image.shortDigest)).toBe(5)
    expect(out).toMatch(new RegExp(`^ {3}snap-a +${image.shortDigest}… +✓ +the old digest$`, 'm'))
    expect(out).toMatch(new RegExp(`^ {3}snap-b +${image.shortDigest}… +✓ +the old digest$`, 'm'))
    expect(out).not.toMatch(new RegExp(`^ {3}origin +${image.shortDigest}`, 'm'))
    expect(out).not.toContain('✗')
    expect(out).toMatch(/^ {3}snap-a: 0 16384 snapshot \d+\/\d+ \d+$/m)
    expect(out).toMatch(/^ {3}snap-b: 0 16384 snapshot \d+\/\d+ \d+$/m)

    expect(readFileSync(image.path).equals(image.content)).toBe(true)
    expect(statSync(image.path).mtimeMs).toBe(before.mtimeMs)
    expect(readdirSync(folder).sort()).toEqual(['mine.img', 'scratch'])
    expect(readdirSync(scratch)).toEqual([])
  })

  it.each([
    ['of one sector', 512],
    ['whose last bytes are no whole sector', 2 ** 20 + 4096 + 700],
    ['smaller than a chunk and no multiple of one', 5 * 512],
  ])('works on an image %s', async (_, byteLength) => {
    const image = makeImage(byteLength)
    const { code, out, err } = await cowring('demo', '--seconds', '0.2', '--workers', '1', image.path)
    expect(err).toBe('')
    expect(out).toContain('Everything verified')
    expect(code).toBe(0)
    expect(occurrences(out, image.shortDigest)).toBe(5)
    expect(readFileSync(image.path).equals(image.content)).toBe(true)
    expect(readdirSync(scratch)).toEqual([])
  })

  it.each([
    ['does not exist', () => join(folder, 'none.img'), 'does not exist'],
    ['is a directory', () => folder, 'is a directory'],
    ['is smaller than a sector', () => makeImage(511).path, 'less than one sector'],
    ['is empty', () => makeImage(0).path, 'less than one sector'],
    ['is a device', () => '/dev/null', 'is not a regular file'],
  ])('says in one line that the image %s', async (_, path, says) => {
    const image = path()
    const { code, out, err } = await cowring('demo', image)
    expect(code).toBe(1)
    expect(out).toBe('')
    expect(err).toMatch(/^cowring: [^\n]+\n$/)
    expect(err).toContain(image)
    expect(err).toContain(says)
    expect(readdirSync(scratch)).toEqual([])
  })
})

describe('cowring demo', () => {
  it('makes the same image every time when none is named', async () => {
    const { code, out, err } = await cowring('demo', '--seconds', '0.5')
    expect(err).toBe('')
    expect(out).toContain('Everything verified')
    expect(code).toBe(0)
    expect(out).toMatch(/^ {3}sha256 24d1e5776385192f…/m)
    expect(readdirSync(scratch)).toEqual([])
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('removes its folder when %s ends it', async (signal) => {
    const child = spawn(process.execPath, [cli, 'demo', '--seconds', '30', makeImage(2 ** 20).path], {
      env: { ...process.env, TMPDIR: scratch },
    })
    await outputOf(child, 'Overwriting the origin')
    expect(readdirSync(scratch)).toHaveLength(1)
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    expect(await ended).toBe(signal === 'SIGINT' ? 130 : 143)
    expect(readdirSync(scratch)).toEqual([])
  })

  it('names the folder that cannot be used', async () => {
    const { code, err } = await cowring('demo', '--folder', join(folder, 'none'))
    expect(code).toBe(1)
    expect(err).toMatch(/^cowring: [^\n]+none cannot be used[^\n]+\n$/)
  })
})

describe('cowring', () => {
  it.each([
    [['demo', '--seconds', 'soon']],
    [['demo', '--seconds', '0']],
    [['demo', '--workers', '1.5']],
    [['demo', '--sideways']],
    [['demo', 'one.img', 'two.img']],
    [['frobnicate']],
  ])('answers bad usage in one line and with exit code 2: %j', async (words) => {
    const { code, err } = await cowring(...words)
    expect(code).toBe(2)
    expect(err).toMatch(/^cowring: [^\n]+\n$/)
  })

  it('prints its version, and a help with an example', async () => {
    const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    expect(await cowring('--version')).toEqual({ code: 0, out: `${manifest.version}\n`, err: '' })
    const help = await cowring('--help')
    expect(help.code).toBe(0)
    expect(help.out).toContain('cowring demo disk.img')
  })
})

function outputOf(child: ChildProcess, part: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let out = ''
    child.stdout?.on('data', (piece: Buffer) => {
      out += piece.toString()
      if (out.includes(part)) resolve()
    })
    child.once('exit', () => reject(new Error(`it ended before it printed '${part}':\n${out}`)))
  })
}
