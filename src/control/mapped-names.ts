/** Names, UUIDs and minors of mapped devices: what they may be. */
import { faultErrno } from '../targets/table-fault.js'
import { type Ioctl, refusal } from './refusal.js'

/** The kernel's limits. */
const nameLengthMax = 127
const uuidLengthMax = 128
/** Limit: 20 bits, as in the kernel. */
export const minorMax = 2 ** 20 - 1

const hasControls = (text: string): boolean => [...text].some((character) => character < ' ' || character === '\u007f')

/** Fails with INVALID_ARGUMENT. */
export function checkName(name: string, ioctl: Ioctl): void {
  const isName =
    name.length >= 1 && Buffer.byteLength(name) <= nameLengthMax && !name.includes('/') && !hasControls(name)
  if (isName && name !== 'control' && name !== '.' && name !== '..') return
  const reason = `a name has 1 to ${nameLengthMax} characters, none of them '/', and is not 'control', '.' or '..'`
  throw refusal({ ioctl, device: name, errno: faultErrno.EINVAL, reason })
}

/** Fails with INVALID_ARGUMENT. */
export function checkUuid(uuid: string, ioctl: Ioctl, device: string): void {
  if (uuid.length >= 1 && Buffer.byteLength(uuid) <= uuidLengthMax && !hasControls(uuid)) return
  const reason = `a UUID has 1 to ${uuidLengthMax} characters`
  throw refusal({ ioctl, device, errno: faultErrno.EINVAL, reason })
}

/** What a volume is called becomes a device's name: '/' and the like give way, and there is room left for an ending. */
export function deviceNameFrom(name: string): string {
  const plain = name.replace(/[^\w.+:@=-]/g, '_').slice(0, 100)
  return ['', '.', '..', 'control'].includes(plain) ? `device_${plain}` : plain
}
