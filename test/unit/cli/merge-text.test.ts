/** What `cowring merge` reads and says, without a daemon. */
import { describe, expect, it } from 'vitest'
import { parseMilliseconds, parseRate } from '../../../src/cli/command-parts.js'
import { timeLeft } from '../../../src/cli/figures.js'
import { aftermathText, fractionOf, mergedText, pausedText, progressText } from '../../../src/cli/merge/merge-text.js'

const devices = { origin: 'disk', snapshot: 'snap' }
const progress = { done: 2 ** 20, total: 2 ** 22, bytesPerSecond: 2 ** 19, etaSeconds: 6, state: 'running' } as const

describe('limits', () => {
  it.each([
    ['1', 1],
    ['4096', 4096],
    ['512K', 2 ** 19],
    ['100m', 100 * 2 ** 20],
    ['1.5G', 1.5 * 2 ** 30],
    ['2T', 2 ** 41],
    ['none', 'none'],
  ])('a rate of %s', (text, rate) => expect(parseRate(text)).toBe(rate))

  it.each(['', '0', '0.9', '-1', '8s', '1e3', '1,5M', '1.5.5M', 'M', 'NaN', 'Infinity', '1 M', '100MB', 'None'])(
    'no rate: %j',
    (text) => expect(() => parseRate(text)).toThrow('bytes per second from 1 on'),
  )

  it.each([
    ['2', 2],
    ['2ms', 2],
    ['500us', 0.5],
    ['1s', 1000],
    ['0.25S', 250],
    ['none', 'none'],
  ])('a time of %s', (text, time) => expect(parseMilliseconds(text)).toBe(time))

  it.each(['', '0', '0us', '-2', '2m', '2h', 'ms', '1e3', 'Infinity', '2 ms'])('no time: %j', (text) =>
    expect(() => parseMilliseconds(text)).toThrow('a time above 0'),
  )
})

describe('what is said', () => {
  it('of progress', () => {
    expect(progressText(progress)).toBe('25%  1 MiB of 4 MiB  512 KiB/s  6 s left')
    expect(progressText({ ...progress, etaSeconds: undefined, bytesPerSecond: 0 })).toBe('25%  1 MiB of 4 MiB  0 B/s')
    expect(progressText({ ...progress, etaSeconds: undefined, state: 'paused' })).toBe('25%  1 MiB of 4 MiB  paused')
    expect(fractionOf({ ...progress, done: 0, total: 0 })).toBe(1)
  })

  it.each([
    [0.2, '1 s'],
    [99, '99 s'],
    [720, '12 min'],
    [12_600, '3.5 h'],
  ])('of %d seconds that are left', (seconds, text) => expect(timeLeft(seconds)).toBe(text))

  it('of the end: what was moved, and what is where', () => {
    const since = { doneBefore: 0, seconds: 2 }
    expect(mergedText(devices, progress, since)).toBe('snap is merged into disk: 4 MiB in 2.0 s.')
    expect(mergedText(devices, progress, { ...since, doneBefore: 2 ** 20 })).toContain(
      'the last 3 MiB of 4 MiB in 2.0 s.',
    )
    expect(mergedText(devices, progress, { ...since, doneBefore: 2 ** 22 })).toBe('snap is merged into disk already.')
    expect(mergedText({ ...devices, snapshot: undefined }, { ...progress, total: 0 }, since)).toBe(
      'the snapshot is merged into disk: it held nothing.',
    )
    const isSnapshotThere = false
    const told = (originTarget: string | undefined) => aftermathText(devices, { originTarget, isSnapshotThere })
    expect(told('snapshot-origin')).toBe('disk is a plain origin again, the device snap is gone.')
    expect(told('snapshot-merge')).toContain('disk has the table of the merge still')
    expect(told('linear')).toContain('disk has another table by now')
    expect(told(undefined)).toContain('disk has been removed since')
    const named = { origin: 'disk', snapshot: undefined }
    expect(aftermathText(named, { originTarget: 'snapshot-origin', isSnapshotThere })).toBe(
      'disk is a plain origin again.',
    )
  })

  it('of a pause: how to go on, with the socket that was given', () => {
    expect(pausedText({ name: 'snap', socket: '/s' }, devices, progress)).toBe(
      "the merge is paused at 25%, 1 MiB of 4 MiB, and disk shows the snapshot's content; " +
        "'cowring merge snap --socket /s' goes on, 'cowring merge snap --socket /s --cancel' ends it",
    )
  })
})
