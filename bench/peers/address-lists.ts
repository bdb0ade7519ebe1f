/**
 * Lists of addresses for fio to write, as its log of requests, version 2: every granule of the image once, in random order,
 * dealt out to the connections. The order is the same in every round and for every server with that granule.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { shuffledChunks } from '../grid/addresses.js'
import type { Workplace } from '../grid/workplace.js'

export interface AddressLists {
  readonly paths: readonly string[]
  readonly writesPerList: number
}

const seed = 6

export function addressLists(
  place: Workplace,
  granuleBytes: number,
  ioBytes: number,
  connections: number,
): AddressLists {
  const granules = Math.floor(place.originBytes / granuleBytes)
  const perList = Math.floor(granules / connections)
  const paths = Array.from({ length: connections }, (_, index) =>
    place.path(`addresses-${granuleBytes}-${index}-of-${connections}.log`),
  )
  if (!paths.every((path) => existsSync(path))) {
    const order = shuffledChunks(granules, seed)
    for (const [index, path] of paths.entries()) {
      const own = order.subarray(index * perList, (index + 1) * perList)
      writeFileSync(path, logOf(own, granuleBytes, ioBytes))
    }
  }
  return { paths, writesPerList: perList }
}

export const isAddressList = (name: string): boolean => /^addresses-.*\.log$/.test(name)

/** The file is called `nbd` because that is what fio's engine calls its only one. */
export function logOf(granules: Uint32Array, granuleBytes: number, ioBytes: number): string {
  const lines = Array.from(granules, (granule) => `nbd write ${granule * granuleBytes} ${ioBytes}`)
  return ['fio version 2 iolog', 'nbd add', 'nbd open', ...lines, ''].join('\n')
}
