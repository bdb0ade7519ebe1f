/** Bytes, spoiled in the ways that programs and people spoil them. */
import type { Numbers } from './numbers.js'

const interesting = [0, 1, 0x7f, 0x80, 0xff] as const

/** The same bytes with a few mistakes; sometimes with none. */
export function mutated(bytes: Buffer, numbers: Numbers): Buffer {
  let spoiled: Buffer = Buffer.from(bytes)
  for (let mistakes = numbers.below(4); mistakes > 0 && spoiled.length > 0; mistakes--)
    spoiled = spoil(spoiled, numbers)
  return spoiled
}

function spoil(bytes: Buffer, numbers: Numbers): Buffer {
  const at = numbers.below(bytes.length)
  switch (numbers.below(8)) {
    case 0:
      bytes.writeUInt8((bytes[at] ?? 0) ^ (1 << numbers.below(8)), at)
      return bytes
    case 1:
      bytes.writeUInt8(numbers.pick(interesting), at)
      return bytes
    case 2:
      bytes.fill(numbers.pick(interesting), at, Math.min(bytes.length, at + numbers.below(9)))
      return bytes
    case 3:
      return bytes.subarray(0, at)
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + numbers.below(40))])
    case 5:
      return Buffer.concat([bytes.subarray(0, at), numbers.bytes(1 + numbers.below(40)), bytes.subarray(at)])
    case 6:
      return Buffer.concat([bytes, bytes.subarray(at)])
    default: {
      const source = numbers.below(bytes.length)
      bytes.copy(bytes, at, source, source + numbers.below(64))
      return bytes
    }
  }
}

/** Sends bytes as a network might deliver them: in any pieces. */
export function pieces(bytes: Buffer, numbers: Numbers): Buffer[] {
  const cut: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = numbers.chance(60) ? bytes.length : 1 + numbers.below(numbers.chance(50) ? 30 : 5000)
    cut.push(bytes.subarray(at, at + length))
    at += length
  }
  return cut
}
