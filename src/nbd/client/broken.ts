/** The one error of a connection that cannot go on: who, what it did, and what to do. */
import { CowringError } from '../../base/errors.js'

export const broken = (uri: string, what: string, errno?: number): CowringError =>
  new CowringError('IO_ERROR', `the NBD server of ${uri} ${what}; look at the server's log`, {
    device: uri,
    ...(errno === undefined ? {} : { errno }),
  })
