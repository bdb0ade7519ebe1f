/** The digest that the recordings identify content by. */

import { createHash } from 'node:crypto'

export const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex')
