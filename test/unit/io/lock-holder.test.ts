import { expect, test } from 'vitest'
import { lockHolder, parseLocks } from '../../../src/io/lock-holder.js'

const text = `1: FLOCK  ADVISORY  WRITE 4711 00:1a:98765 0 EOF
1: -> FLOCK  ADVISORY  WRITE 4712 00:1a:98765 0 EOF
2: POSIX  ADVISORY  READ 815 fd:00:1180 128 128
3: FLOCK  ADVISORY  READ 31 103:0a:18446744073709551615 0 EOF
4: OFDLCK ADVISORY  WRITE -1 08:02:7 0 EOF
`

test('of /proc/locks only flock locks that are held are taken, waiters and other kinds are not', () => {
  expect(parseLocks(text)).toEqual([
    { pid: 4711, mode: 'exclusive', device: '00:1a', inode: '98765' },
    { pid: 31, mode: 'shared', device: '103:0a', inode: '18446744073709551615' },
  ])
})

test('no locks, or text that is something else, gives no holders', () => {
  expect(parseLocks('')).toEqual([])
  expect(parseLocks('FLOCK\n1: FLOCK\nnonsense')).toEqual([])
})

test('a file that nobody has locked has no holder', () => {
  expect(lockHolder({ dev: 0xffffn, ino: 1n })).toBeUndefined()
})
