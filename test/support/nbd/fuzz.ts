/**
 * The protocol's fuzzer: handshakes and streams of requests with mistakes in them, each on a connection of its own.
 *
 * What must hold: the server stays up and serves a good client afterwards; the image has changed only where a valid request said
 * so; the snapshot not at all; no key is held when all is over. The same seed is the same bytes; what the server makes of them
 * also depends on when they come.
 */
import { command, commandFlag, option } from '../../../src/nbd/protocol.js'
import { ByteStream } from './byte-stream.js'
import { mebibyte, pattern } from './images.js'
import { type Change, mayChange, unexplained } from './may-change.js'
import { mutated, pieces } from './mutations.js'
import { type Numbers, numbersOf } from './numbers.js'
import { contextData, goData, optionBytes, uint32 } from './option-bytes.js'
import { type NbdRequest, requestBytes } from './request-bytes.js'
import { type Served, serve } from './served.js'

export interface FuzzOptions {
  readonly seed: number
  readonly streams: number
  readonly seconds: number
  /** Only the stream of this number, of the same seed. */
  readonly only?: number
}

const imageBytes = mebibyte / 2
/** After so many the image is looked at. */
const streamsPerLook = 20

/** Answers how many streams it has sent. Fails with what it has found, and how to see it again. */
export async function fuzz({ only, seconds, seed, streams }: FuzzOptions): Promise<number> {
  const served = await serve({
    byteLength: imageBytes,
    snapshots: [{ name: 'before', chunkSectors: 8 }],
    limits: { handshakeMs: 300, connections: 40 },
  })
  const end = Date.now() + seconds * 1000
  let sent = 0
  try {
    const state: State = { served, old: pattern(0, imageBytes, 1), changes: [], earlier: [] }
    for (let index = only ?? 0; index < streams && Date.now() < end; index++) {
      const numbers = numbersOf(seed * 65_537 + index)
      try {
        if (numbers.chance(40)) await fuzzHandshake(state, numbers)
        else await fuzzRequests(state, numbers)
        sent++
        if (sent % streamsPerLook === 0 || only !== undefined) await look(state)
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error)
        const log = [...served.log.filter((line) => line.includes('failed')), ...served.log.slice(-3)].join('\n')
        throw new Error(
          `stream ${index} of seed ${seed}: ${text}\n${log}\nReplay: npm run fuzz:nbd -- --seed ${seed} --only ${index}`,
          {
            cause: error,
          },
        )
      }
      if (only !== undefined) break
    }
    await look(state)
  } finally {
    await served.close()
  }
  return sent
}

interface State {
  readonly served: Served
  old: Buffer
  changes: Change[]
  /** Of the look before: a request of a connection that has gone may still have been under way. */
  earlier: readonly Change[]
}

async function fuzzHandshake({ served }: State, numbers: Numbers): Promise<void> {
  const stream = await ByteStream.connect(served.where)
  const flags = uint32(numbers.chance(90) ? 3 : numbers.below(2 ** 32))
  const options = Array.from({ length: numbers.below(8) }, () => someOption(numbers))
  const bytes = mutated(Buffer.concat([flags, ...options]), numbers)
  for (const piece of pieces(bytes, numbers)) await stream.sent(piece)
  await leave(stream, numbers)
}

function someOption(numbers: Numbers): Buffer {
  const name = numbers.pick(['', 'disk', 'before', 'nowhere', 'x'.repeat(numbers.below(5000)), '\0', '\u{1f4be}'])
  const kinds = Array.from({ length: numbers.below(6) }, () => numbers.below(5))
  const queries = Array.from({ length: numbers.below(5) }, () =>
    numbers.pick([
      'base:allocation',
      'base:',
      'qemu:',
      'qemu:dirty-bitmap:before',
      'qemu:allocation-depth',
      '',
      ':',
      'x',
    ]),
  )
  switch (numbers.below(10)) {
    case 0:
      return optionBytes(option.list)
    case 1:
      return optionBytes(option.info, goData(name, kinds))
    case 2:
      // Into the transmission phase, in which the options that follow are garbage.
      return optionBytes(numbers.chance(30) ? option.go : option.info, goData(name, kinds))
    case 3:
      return optionBytes(option.structuredReply)
    case 4:
      return optionBytes(option.extendedHeaders)
    case 5:
      return optionBytes(option.setMetaContext, contextData(name, queries))
    case 6:
      return optionBytes(option.listMetaContext, contextData(name, queries))
    case 7:
      return optionBytes(option.starttls)
    case 8:
      return numbers.chance(20) ? optionBytes(option.exportName, Buffer.from(name)) : optionBytes(option.list)
    default:
      return optionBytes(numbers.below(20), numbers.bytes(numbers.below(100)))
  }
}

async function fuzzRequests(state: State, numbers: Numbers): Promise<void> {
  const mode = numbers.pick(['simple', 'structured', 'extended'])
  const isSnapshot = numbers.chance(15)
  const contexts = mode === 'simple' ? [] : ['base:allocation', 'qemu:allocation-depth', 'qemu:dirty-bitmap:before']
  const client = await state.served.connect({ mode, contexts, name: isSnapshot ? 'before' : 'disk' })
  // What is sent is not what a client may send, so its answers are not held against the protocol: they are drained.
  const { stream } = client
  const isExtended = mode === 'extended'
  const requests = Array.from({ length: 1 + numbers.below(40) }, (_, index) =>
    requestBytes(someRequest(numbers, isSnapshot), BigInt(index), isExtended),
  )
  const bytes = numbers.chance(75) ? mutated(Buffer.concat(requests), numbers) : Buffer.concat(requests)
  // A snapshot must not change; where bytes with mistakes might write to it, they do not go to it.
  if (isSnapshot && mayChange(bytes, isExtended, imageBytes).length > 0) return stream.destroy()
  if (!isSnapshot) state.changes.push(...mayChange(bytes, isExtended, imageBytes))
  if (numbers.chance(15)) stream.stall()
  for (const piece of pieces(bytes, numbers)) await Promise.race([stream.sent(piece), stream.ended, pause(200)])
  await leave(stream, numbers)
}

function someRequest(numbers: Numbers, isReading: boolean): NbdRequest {
  const isAligned = numbers.chance(60)
  const length = isAligned ? 512 * numbers.below(40) : numbers.below(9000)
  const offset = numbers.chance(97)
    ? numbers.below(imageBytes / 512) * 512 + (isAligned ? 0 : numbers.below(512))
    : numbers.below(2 ** 40)
  const flags = numbers.chance(80) ? 0 : numbers.chance(70) ? 1 << numbers.below(6) : numbers.below(65_536)
  const commands = [command.read, command.blockStatus, command.cache, command.flush, command.read] as const
  if (isReading) return { command: numbers.pick(commands), flags: flags & ~commandFlag.payloadLen, offset, length }
  const kind = numbers.pick([
    ...commands,
    command.write,
    command.write,
    command.write,
    command.writeZeroes,
    command.trim,
    9,
    77,
  ])
  if (kind !== command.write) return { command: kind, flags: flags & ~commandFlag.payloadLen, offset, length }
  return { command: kind, flags, offset, payload: Buffer.alloc(length, 1 + numbers.below(255)) }
}

/** Goes away in one of the ways in which clients do. */
async function leave(stream: ByteStream, numbers: Numbers): Promise<void> {
  switch (numbers.below(4)) {
    case 0:
      return stream.reset()
    case 1:
      stream.finish()
      await Promise.race([stream.ended, pause(20)])
      return stream.destroy()
    case 2:
      await Promise.race([stream.ended, pause(numbers.below(20))])
      return stream.destroy()
    default:
      return stream.destroy()
  }
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** A good client is served; everything is as it must be. */
async function look(state: State): Promise<void> {
  const { served } = state
  const client = await served.connect()
  await settled(served)
  const found = await client.read(0, imageBytes)
  const at = unexplained(state.old, found, [...state.earlier, ...state.changes])
  if (at !== undefined) {
    const [was, is] = [state.old.subarray(at, at + 8).toString('hex'), found.subarray(at, at + 8).toString('hex')]
    throw new Error(`byte ${at} was ${was} and is ${is}, and no request said so`)
  }
  const throughEngine = Buffer.from(await served.origin.read(0, imageBytes))
  if (!throughEngine.equals(found)) throw new Error('the engine and the server show different content')
  await client.disconnect()
  const snapshot = await served.connect({ name: 'before' })
  if (!(await snapshot.read(0, imageBytes)).equals(pattern(0, imageBytes, 1)))
    throw new Error('the snapshot has changed')
  await snapshot.disconnect()
  state.old = found
  state.earlier = state.changes
  state.changes = []
}

/** Until nobody but this good client is served: no write of the others can be under way. */
async function settled(served: Served): Promise<void> {
  await served.alone(1)
  await pause(5)
  await served.alone(1)
  await served.atRest()
}
