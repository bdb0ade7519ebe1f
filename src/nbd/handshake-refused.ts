/** The client did what ends a connection, or its time was over; the text is for the log. */
export class HandshakeRefused extends Error {
  override readonly name = 'HandshakeRefused'
}
