/** Options that several commands of `cowring store` have. */
import { Option } from 'commander'
import { wholeFrom } from '../command-parts.js'

export const originSizeOption = (what: string): Option =>
  new Option('--origin-size <sectors>', `the origin's length: ${what}`).argParser(wholeFrom(1, 2 ** 53 - 1))

export const originOption = (what: string): Option => new Option('--origin <file>', `the origin: ${what}`)
