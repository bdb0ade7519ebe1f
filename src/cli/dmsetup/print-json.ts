/** JSON for programs: one document, two spaces deep, with the field names that docs/control.md lists. */
import type { Call } from './context.js'

export function printJson(call: Call, value: unknown): void {
  call.context.stdout(`${JSON.stringify(value, undefined, 2)}\n`)
}
