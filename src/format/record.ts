/**
 * How a fixed record on disk is declared: once, as its fields. Encode and decode take their offsets from the declaration,
 * and so do the tables in docs/format.md.
 */

export interface RecordField {
  readonly byteOffset: number
  readonly byteLength: number
  /** What the field holds, as one line of a Markdown table. */
  readonly meaning: string
}

/** Fields by name, in the order they lie on disk, without gaps. All of them are little-endian unsigned integers. */
export type RecordFields = Readonly<Record<string, RecordField>>

export const recordBytesOf = (fields: RecordFields): number =>
  Object.values(fields).reduce((bytes, field) => bytes + field.byteLength, 0)
