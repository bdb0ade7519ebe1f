import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { entryBytes, exceptionFields } from '../../../src/format/exception.js'
import { headerBytes, headerFields } from '../../../src/format/header.js'
import type { RecordFields } from '../../../src/format/record.js'
import { placesIn, regenerated, tables } from './format-tables.js'

const documentPath = new URL('../../../docs/format.md', import.meta.url)

describe('records', () => {
  const records: readonly (readonly [string, RecordFields])[] = [
    ['header', headerFields],
    ['entry', exceptionFields],
  ]

  test.each(records)('the fields of the %s lie one after another, without gaps', (_name, fields) => {
    let end = 0
    for (const [name, { byteOffset, byteLength }] of Object.entries(fields)) {
      expect(byteOffset, name).toBe(end)
      end += byteLength
    }
    expect(end).toBe(16)
  })

  test('both records are 16 bytes long', () => {
    expect([headerBytes, entryBytes]).toEqual([16, 16])
  })
})

describe('docs/format.md', () => {
  if (process.env.UPDATE_DOCS !== undefined)
    writeFileSync(documentPath, regenerated(readFileSync(documentPath, 'utf8')))
  const document = readFileSync(documentPath, 'utf8')

  test('it has a place for every generated table, once', () => {
    expect(placesIn(document).sort()).toEqual(Object.keys(tables).sort())
  })

  test('its tables are what the code says (if not: UPDATE_DOCS=1 npx vitest run test/unit/format)', () => {
    expect(document).toBe(regenerated(document))
  })

  test('a changed table is noticed', () => {
    expect(regenerated(document.replace('| 12 | 4 | chunk_size |', '| 12 | 8 | chunk_size |'))).toBe(document)
    expect(document).toContain('| 12 | 4 | chunk_size |')
  })
})
