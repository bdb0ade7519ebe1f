import { describe, expect, test } from 'vitest'
import { compareLog, isLogLine, nothing } from '../../../support/conformance/log-lines.js'

const refused = "device-mapper: table: minor 2: snapshot: Couldn't create exception store (-EINVAL)"
const adding = 'device-mapper: ioctl: error adding target to table'

describe('lines of the log among what dmsetup prints', () => {
  test.each([
    [refused, true],
    ['device-mapper: persistent snapshot: write_header failed', true],
    [adding, true],
    ['device-mapper: reload ioctl on t (253:2) failed: Invalid argument', false],
    ['device-mapper: remove ioctl on s4  failed: No such device or address', false],
    ['Command failed.', false],
  ])('%s: %s', (line, expected) => {
    expect(isLogLine(line)).toBe(expected)
  })
})

describe('our causes against the log of the kernel', () => {
  test('the same refusal is no difference, whatever else the kernel logged', () => {
    expect(compareLog([refused, adding], [refused])).toEqual([])
    expect(compareLog([refused, adding], [refused, adding])).toEqual([])
  })

  test('a refusal that we do not give is a difference', () => {
    expect(compareLog([refused, adding], [adding])).toEqual([{ expected: refused, found: nothing }])
  })

  test('a line that goes on where the kernel stops is a difference of the two', () => {
    const longer =
      "device-mapper: table: minor 2: snapshot: Couldn't create exception store: Invalid chunk size (-EINVAL)"
    expect(compareLog([refused], [longer])).toEqual([{ expected: refused, found: longer }])
  })

  test('a line that the kernel did not log is a difference', () => {
    expect(compareLog([], [refused])).toEqual([{ expected: nothing, found: refused }])
    expect(compareLog([adding], ['device-mapper: ioctl: other'])).toEqual([
      { expected: nothing, found: 'device-mapper: ioctl: other' },
    ])
  })
})
