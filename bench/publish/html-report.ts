import type { OutcomeRecord } from '../grid/outcome.js'
export function writeHtmlReport(_path: string, _records: readonly OutcomeRecord[]): void {}
