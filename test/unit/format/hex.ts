/** Bytes as the tables of the format write them: two digits each, a space between. */

export const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')

export const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from(hex.split(' '), (digits) => Number.parseInt(digits, 16))
