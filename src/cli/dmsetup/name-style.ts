/** How `ls` and `deps` name devices: `-o devno`, `-o blkdevname`, `-o devname`. A word may be cut short, as in dmsetup. */
import { badLine } from './failure.js'

const styles = ['devno', 'blkdevname', 'devname'] as const
export type NameStyle = (typeof styles)[number]

export function nameStyle(words: string | undefined): NameStyle {
  let chosen: NameStyle = 'devno'
  for (const word of (words ?? '').split(',').filter((one) => one !== '')) {
    const found = styles.find((style) => style.startsWith(word))
    if (found === undefined) throw badLine(`Option not recognised: ${word}.`)
    chosen = found
  }
  return chosen
}
