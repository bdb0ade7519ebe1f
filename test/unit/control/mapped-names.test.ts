import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CowringError } from '../../../src/base/errors.js'
import { checkName, checkUuid, deviceNameFrom } from '../../../src/control/mapped-names.js'
import { holds } from '../../support/seeded.js'
import { nastyText } from '../../support/table-words.js'

const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT', facts: expect.objectContaining({ errno: 22 }) })

describe('a name', () => {
  test.each([
    ['a'],
    ['vg-base--1-real'],
    ['a b'],
    ['...'],
    ['controls'],
    ['ä'.repeat(63)],
    ['n'.repeat(127)],
    ['a\\,;'],
  ])('may be %j', (name) => expect(() => checkName(name, 'create')).not.toThrow())

  test.each([
    [''],
    ['a/b'],
    ['/'],
    ['.'],
    ['..'],
    ['control'],
    ['n'.repeat(128)],
    // Its length is that of its bytes.
    ['ä'.repeat(64)],
    ['a\nb'],
    ['a\0'],
    ['\u007f'],
  ])('may not be %j', (name) => expect(() => checkName(name, 'create')).toThrow(refused))
})

describe('a UUID', () => {
  test.each([['u'], [`LVM-${'x'.repeat(124)}`], ['a/b'], ['control']])('may be %j', (uuid) => {
    expect(() => checkUuid(uuid, 'rename', 'a')).not.toThrow()
  })

  test.each([[''], ['u'.repeat(129)], ['a\nb'], ['\u0001']])('may not be %j', (uuid) => {
    expect(() => checkUuid(uuid, 'rename', 'a')).toThrow(refused)
  })
})

test('whatever a volume is called, a device can be named after it, with room for an ending', () => {
  const property = fc.property(fc.oneof(nastyText, fc.string(), fc.constantFrom('', '.', '..', 'control')), (name) => {
    const made = deviceNameFrom(name.repeat(20))
    expect(() => checkName(made, 'create')).not.toThrow()
    expect(() => checkName(deviceNameFrom(name), 'create')).not.toThrow()
    expect(() => checkName(`${made}-1234567890-cow`, 'create')).not.toThrow()
  })
  holds('test/unit/control/mapped-names.test.ts', property)
})

test('a plain name stays as it is', () => {
  for (const name of ['base', 'vg-base_real.1', 'a+b:c@d=e']) expect(deviceNameFrom(name)).toBe(name)
})

test('what is refused says what may be', () => {
  try {
    checkName('a/b', 'rename')
  } catch (error) {
    expect(error).toBeInstanceOf(CowringError)
    expect(String(error)).toContain("rename of a/b failed: a name has 1 to 127 characters, none of them '/'")
    return
  }
  expect.unreachable()
})
