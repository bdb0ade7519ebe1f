/** JSON for programs, with the field names that docs/control.md lists. */
import { jsonText } from '../command-parts.js'
import type { Call } from './context.js'

export function printJson(call: Call, value: unknown): void {
  call.context.stdout(jsonText(value))
}
