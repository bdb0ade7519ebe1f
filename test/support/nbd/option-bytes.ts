/** The bytes of options, good ones and bad ones. */

const optionMagic = 0x49484156454f5054n

export interface OptionOverrides {
  readonly magic?: bigint
  /** The length that the header claims. */
  readonly claimedBytes?: number
}

export function optionBytes(option: number, data: Uint8Array = new Uint8Array(), bad: OptionOverrides = {}): Buffer {
  const header = Buffer.alloc(16)
  header.writeBigUInt64BE(bad.magic ?? optionMagic, 0)
  header.writeUInt32BE(option, 8)
  header.writeUInt32BE(bad.claimedBytes ?? data.length, 12)
  return Buffer.concat([header, data])
}

/** What INFO and GO carry: the name, and the kinds of information that are asked for. */
export function goData(name: string, kinds: readonly number[] = []): Buffer {
  const count = Buffer.alloc(2 + 2 * kinds.length)
  count.writeUInt16BE(kinds.length, 0)
  kinds.forEach((kind, index) => {
    count.writeUInt16BE(kind, 2 + 2 * index)
  })
  return Buffer.concat([counted(name), count])
}

/** What LIST_META_CONTEXT and SET_META_CONTEXT carry. */
export function contextData(name: string, queries: readonly string[]): Buffer {
  return Buffer.concat([counted(name), uint32(queries.length), ...queries.map(counted)])
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value, 0)
  return bytes
}

function counted(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([uint32(bytes.length), bytes])
}
