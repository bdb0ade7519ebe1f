/** The command line itself: options in GNU getopt's manner, bad usage in dmsetup's words. */
import { describe, expect, it } from 'vitest'
import { linkThrough } from '../../../../src/cli/dmsetup/link.js'
import { parseLine } from '../../../../src/cli/dmsetup/options.js'
import { runDmsetup } from '../../../../src/cli/dmsetup/run.js'
import { verbs } from '../../../../src/cli/dmsetup/verbs.js'

const parse = (...words: string[]) => parseLine(words, 'dmsetup')

describe('options', () => {
  it('stand before, between and after the words', () => {
    const expected = { options: { columns: true, noheadings: true, options: 'name' }, words: ['info', 'a', 'b'] }
    expect(parse('-c', '--noheadings', '-o', 'name', 'info', 'a', 'b')).toEqual(expected)
    expect(parse('info', '-o', 'name', 'a', '-c', 'b', '--noheadings')).toEqual(expected)
    expect(parse('info', 'a', 'b', '-co', 'name', '--noheadings')).toEqual(expected)
    expect(parse('info', 'a', 'b', '-C', '--options=name', '--noheadings')).toEqual(expected)
  })

  it('may be cut short while only one begins like that', () => {
    expect(parse('info', '--noheading', '--sep', ':').options).toEqual({ noheadings: true, separator: ':' })
    expect(parse('create', 't', '--min=5', '--not').options).toEqual({ minor: 5, notable: true })
    expect(() => parse('info', '--no')).toThrow("dmsetup: unrecognized option '--no'")
  })

  it('have values that are left as they are, whatever they look like', () => {
    expect(parse('create', 't', '--table', '--tree').options).toEqual({ table: '--tree' })
    expect(parse('create', 't', '--table', '--noheading').options).toEqual({ table: '--noheading' })
    expect(parse('info', '-c', '-O', '-name').options).toEqual({ columns: true, sort: '-name' })
    expect(parse('info', '-co', '--sep').options).toEqual({ columns: true, options: '--sep' })
  })

  it('end at --', () => {
    expect(parse('remove', '--', '--force')).toEqual({ options: {}, words: ['remove', '--force'] })
  })

  it.each(['--noudevsync', '--noopencount', '--nolockfs', '--showkeys', '--verifyudev', '--yes'])(
    'that mean nothing here are taken: %s',
    (word) => expect(parse('ls', word).words).toEqual(['ls']),
  )

  it.each([
    [['--frob'], "dmsetup: unrecognized option '--frob'"],
    [['-x'], "dmsetup: invalid option -- 'x'"],
    [['ls', '-o'], "dmsetup: option '--options' requires an argument"],
    [['create', 't', '--table', '0 1 zero', '--notable'], '--table and --notable are incompatible.'],
    [['info', '-m', 'x'], 'Invalid minor number: x.'],
    [['ls', '--exec', 'ls'], '--exec is not supported: devices have no nodes to give it.'],
  ])('that cannot be understood are refused in words of getopt or dmsetup: %j', (words, says) => {
    expect(() => parse(...words)).toThrow(says)
  })
})

/** Runs a line that must not come as far as the mapper. */
async function run(...words: string[]) {
  let out = ''
  let err = ''
  const code = await runDmsetup(words, {
    mapper: linkThrough(() => Promise.reject(new Error('the mapper was asked'))),
    stdout: (text) => {
      out += text
    },
    stderr: (text) => {
      err += text
    },
    stdin: async () => '',
    folder: '/',
  })
  return { code, out, err }
}

describe('a line that asks for nothing of the mapper', () => {
  it.each([
    [['create'], 'Please provide a name for the new device.'],
    [
      ['create', '--concise', '--notable'],
      '--concise is incompatible with --[no]table, --minor, --uuid and --inactive.',
    ],
    [['load', 'x', '--notable'], '--notable only available when creating new device.'],
    [['load'], 'Please specify device.'],
    [['suspend'], 'No device specified.'],
    [['wait'], 'No device specified.'],
    [['message', 't', 'x', 'hello'], 'Invalid sector.'],
    [['message', 't', '0'], 'No message supplied.'],
    [['create', 't', '--table', '0 100'], 'Invalid format on line 1 of table .'],
    [['create', 't', '/no/such/file'], "Couldn't open '/no/such/file' for reading."],
  ])('fails with exit code 1 and what dmsetup says: %j', async (words, says) => {
    expect(await run(...words)).toEqual({ code: 1, out: '', err: `${says}\nCommand failed.\n` })
  })

  it.each([
    [['info', '-m', '3'], 'Please specify both major number and minor number.'],
    [['ls', '-o', 'foo'], 'Option not recognised: foo.'],
    [['ls', '--tree', '-o', 'foo'], 'Tree options not recognised: foo.'],
    [['--frob'], "dmsetup: unrecognized option '--frob'"],
  ])('whose options make no sense ends as in dmsetup: %j', async (words, says) => {
    expect(await run(...words)).toEqual({ code: 1, out: '', err: `${says}\nCouldn't process command line.\n` })
  })

  it('prints the usage after what is wrong with its words', async () => {
    for (const [words, says] of [
      [['frobnicate'], 'Unknown command.\n'],
      [['rename', 'a', 'b', 'c'], 'Incorrect number of arguments.\n'],
      [['ls', 'a'], 'Incorrect number of arguments.\n'],
      [[], ''],
    ] as const) {
      const { code, out, err } = await run(...words)
      expect([code, out]).toEqual([1, ''])
      expect(err.startsWith(`${says}Usage: dmsetup <command>`)).toBe(true)
    }
  })

  it('prints help on standard output, with an example for every verb', async () => {
    for (const { name } of verbs) {
      for (const words of [
        [name, '--help'],
        ['help', name],
      ]) {
        const { code, out, err } = await run(...words)
        expect([code, err]).toEqual([0, ''])
        expect(out).toContain(`Usage: dmsetup ${name}`)
        expect(out).toMatch(new RegExp(`Examples?:\n {2}\\$ dmsetup ${name}`))
      }
    }
    expect((await run('--help')).out).toContain('Examples:')
  })

  it('prints the version and the kernel interface', async () => {
    const { code, out } = await run('--version')
    expect(code).toBe(0)
    expect(out).toMatch(/^Library version: {3}cowring \d+\.\d+\.\d+\nDriver version: {4}4\.47\.0\n$/)
    expect(JSON.parse((await run('version', '--json')).out)).toMatchObject({ driver: '4.47.0' })
  })

  it('lists the fields of info -c', async () => {
    const { code, out } = await run('info', '-c', '-o', 'help')
    expect(code).toBe(0)
    expect(out).toContain('  events                - How many events it has seen.\n')
  })
})
