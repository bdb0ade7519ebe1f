/**
 * The causes that our dmsetup prints as lines in the form of the kernel's log, told apart from dmsetup's own lines, and
 * compared with what the kernel logged.
 */

export interface LogDifference {
  readonly expected: string
  readonly found: string
}

export const nothing = 'nothing'

/** `device-mapper: table: …` is a line of the log; `device-mapper: reload ioctl on …` is dmsetup's. */
export const isLogLine = (line: string): boolean =>
  /^device-mapper: [a-z -]+: /.test(line) && !/^device-mapper: \S+ ioctl on /.test(line)

/**
 * Every line of the kernel that refuses a table must be among ours, word for word, and ours must have been logged by the
 * kernel. A line that goes on where the kernel's ends is a difference too, told as such: it has to be listed.
 */
export function compareLog(recorded: readonly string[], found: readonly string[]): readonly LogDifference[] {
  const differences: LogDifference[] = []
  const left = found.filter((line) => !recorded.includes(line))
  for (const line of recorded) {
    if (!/^device-mapper: table: /.test(line) || found.includes(line)) continue
    const at = left.findIndex((other) => goesOn(line, other))
    differences.push({ expected: line, found: left[at] ?? nothing })
    if (at >= 0) left.splice(at, 1)
  }
  return [...differences, ...left.map((line) => ({ expected: nothing, found: line }))]
}

/** Whether `found` is `line` with more said before the closing ` (-ERRNO)`. */
const goesOn = (line: string, found: string): boolean => found.startsWith(line.replace(/ \(-E[A-Z]+\)$/, ''))
