import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { stableDeviceName } from '../../../src/control/device-name.js'

let sysfs: string
let device: string

beforeEach(() => {
  sysfs = realpathSync(mkdtempSync(join(tmpdir(), 'cowring-sysfs-')))
  device = join(sysfs, 'sdz')
  // A regular file stands in for the device: its numbers are 0:0.
  writeFileSync(device, '')
})
afterEach(() => rmSync(sysfs, { recursive: true, force: true }))

/** Lets 0:0 be the folder `at` below devices/, with these attributes. */
function sysfsHas(attributes: Record<string, string>, at = 'sdz'): void {
  for (const [file, value] of Object.entries(attributes)) {
    const path = join(sysfs, 'devices', file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, `${value}\n`)
  }
  mkdirSync(join(sysfs, 'dev/block'), { recursive: true })
  symlinkSync(join(sysfs, 'devices', at), join(sysfs, 'dev/block/0:0'))
}

describe('the stable name of a block device', () => {
  it('is its device-mapper uuid, whatever else is known', () => {
    sysfsHas({ 'sdz/dm/uuid': 'LVM-abcDEF', 'sdz/dm/name': 'vg-root', 'sdz/serial': '7' })
    expect(stableDeviceName(device, sysfs)).toBe('dm-uuid-LVM-abcDEF')
  })

  it('is its device-mapper name when it has no uuid', () => {
    sysfsHas({ 'sdz/dm/uuid': '', 'sdz/dm/name': 'snap' })
    expect(stableDeviceName(device, sysfs)).toBe('dm-name-snap')
  })

  it('is a disk’s world-wide name, with nothing in it that a file name may not hold', () => {
    sysfsHas({ 'sdz/device/wwid': 't10.ATA     QEMU/HARDDISK  QM1' })
    expect(stableDeviceName(device, sysfs)).toBe('wwid-t10.ATA%20QEMU%2fHARDDISK%20QM1')
  })

  it('is, for a partition, its disk’s name and its number', () => {
    sysfsHas({ 'sdz/serial': 'S1', 'sdz/sdz3/partition': '3' }, 'sdz/sdz3')
    expect(stableDeviceName(device, sysfs)).toBe('serial-S1-part3')
  })

  it('is, for a loop device, the file behind it and where it starts', () => {
    sysfsHas({ 'sdz/loop/backing_file': '/a/disk.img', 'sdz/loop/offset': '4096' })
    expect(stableDeviceName(device, sysfs)).toBe('loop-%2fa%2fdisk.img-at-4096')
  })

  it('tells two devices apart whose long names differ only at the end', () => {
    sysfsHas({ 'sdz/wwid': `${'x'.repeat(300)}1` })
    const one = stableDeviceName(device, sysfs)
    writeFileSync(join(sysfs, 'devices/sdz/wwid'), `${'x'.repeat(300)}2`)
    expect(stableDeviceName(device, sysfs)).not.toBe(one)
    expect(one.length).toBeLessThanOrEqual(200)
  })

  it('is its kernel name when nothing identifies it, also through a link', () => {
    sysfsHas({ 'sdz/size': '8' })
    symlinkSync(device, join(sysfs, 'link'))
    expect(stableDeviceName(join(sysfs, 'link'), sysfs)).toBe('kernel-name-sdz')
  })
})
