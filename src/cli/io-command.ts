/** `cowring io`: reading and writing devices from a shell. */
import { createHash } from 'node:crypto'
import { type Command, Option } from 'commander'
import { CowringError } from '../index.js'
import { exampleText, exitCodes, type Finish, jsonOption, jsonText, parseBytes, socketOption } from './command-parts.js'
import { inputBlocks } from './io/input-blocks.js'
import { RemoteVolume } from './io/remote-volume.js'
import { writeOut } from './write-out.js'

interface IoFlags {
  readonly socket?: string
  readonly json?: boolean
  readonly force?: boolean
  readonly input?: string
  readonly algorithm?: string
}

const units =
  'OFFSET and LENGTH are bytes; a suffix s, K, M, G or T makes them sectors of 512 bytes, KiB, MiB, GiB or TiB.'

export function addIo(program: Command, finish: Finish): void {
  const io = program
    .command('io')
    .description(`read and write the daemon's devices. ${units}`)
    .addHelpText(
      'after',
      exampleText('cowring io read snap 0 8s | xxd | head', 'cowring io write base 1M --input block.bin'),
    )
  const verb = (name: string, description: string, example: string): Command =>
    io
      .command(name)
      .description(`${description} ${units}`)
      .argument('<name>', 'the device')
      .addOption(socketOption())
      .addHelpText('after', exampleText(example))

  verb('read', 'Writes bytes of a device to standard output.', 'cowring io read snap 0 1G > old.img')
    .argument('<offset>', 'where to start', parseBytes)
    .argument('<length>', 'how much', parseBytes)
    .option('--force', 'write to a terminal as well')
    .action(async (name: string, offset: number, length: number, flags: IoFlags) => {
      if (process.stdout.isTTY && flags.force !== true) {
        const text = 'these bytes are not for a terminal; redirect them, pipe them to xxd, or give --force'
        throw new CowringError('INVALID_ARGUMENT', text)
      }
      await using volume = await RemoteVolume.open(flags.socket, name, true)
      for await (const piece of volume.read(offset, length)) await writeOut(piece)
      finish(exitCodes.done)
    })

  verb('write', 'Writes standard input or a file to a device.', 'head -c 4096 /dev/urandom | cowring io write base 64K')
    .argument('<offset>', 'where to start', parseBytes)
    .option('--input <file>', 'what to write (default: standard input)')
    .addOption(jsonOption())
    .action(async (name: string, offset: number, flags: IoFlags) => {
      await using volume = await RemoteVolume.open(flags.socket, name, false)
      let length = 0
      for await (const block of inputBlocks(flags.input)) {
        await volume.write(offset + length, block)
        length += block.byteLength
      }
      say(flags, { name, offset, length })
      finish(exitCodes.done)
    })

  const rangeVerbs = [
    ['zero', 'Makes a range of a device read as zeroes.', 'cowring io zero base 0 4K'],
    ['discard', 'Tells a device that a range is no longer needed.', 'cowring io discard snap 0 64K'],
  ] as const
  for (const [act, description, example] of rangeVerbs) {
    verb(act, description, example)
      .argument('<offset>', 'where to start', parseBytes)
      .argument('<length>', 'how much', parseBytes)
      .addOption(jsonOption())
      .action(async (name: string, offset: number, length: number, flags: IoFlags) => {
        await using volume = await RemoteVolume.open(flags.socket, name, false)
        await volume[act](offset, length)
        say(flags, { name, offset, length })
        finish(exitCodes.done)
      })
  }

  verb('flush', 'Makes what has been written durable.', 'cowring io flush base')
    .addOption(jsonOption())
    .action(async (name: string, flags: IoFlags) => {
      await using volume = await RemoteVolume.open(flags.socket, name, false)
      await volume.flush()
      say(flags, { name })
      finish(exitCodes.done)
    })

  verb('digest', 'Prints a digest of a device, or of a range of it.', 'cowring io digest snap 0 1M --algorithm md5')
    .argument('[offset]', 'where to start (default: 0)', parseBytes)
    .argument('[length]', 'how much (default: to the end)', parseBytes)
    .addOption(new Option('--algorithm <name>', 'how to compute it').choices(['sha256', 'md5']).default('sha256'))
    .addOption(jsonOption())
    .action(async (name: string, from: number | undefined, given: number | undefined, flags: IoFlags) => {
      await using volume = await RemoteVolume.open(flags.socket, name, true)
      const offset = from ?? 0
      const length = given ?? Math.max(0, volume.sizeBytes - offset)
      const algorithm = flags.algorithm ?? 'sha256'
      const hash = createHash(algorithm)
      for await (const piece of volume.read(offset, length)) hash.update(piece)
      const digest = hash.digest('hex')
      if (flags.json === true) say(flags, { name, offset, length, algorithm, digest })
      else process.stdout.write(`${digest}  ${name}\n`)
      finish(exitCodes.done)
    })
}

function say(flags: IoFlags, facts: unknown): void {
  if (flags.json === true) process.stdout.write(jsonText(facts))
}
