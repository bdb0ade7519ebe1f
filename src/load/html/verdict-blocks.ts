/** What verification found: the verdict first, then every story. */
import type { Block } from '../../report/document.js'
import type { VerificationResult } from '../result/load-result.js'

export function verdictBlocks(verification: VerificationResult | null): readonly Block[] {
  if (verification === null) return [{ kind: 'text', text: 'Nothing was verified in this run.' }]
  const { sectorsChecked, violations, moreViolations, readToTheEnd, unchecked } = verification
  const found = violations.length + moreViolations
  const sectors = `${sectorsChecked.toLocaleString('en-US')} sectors checked`
  const verdict =
    found === 0
      ? `verified: ${sectors}, no violation`
      : `${found.toLocaleString('en-US')} violation${found === 1 ? '' : 's'}, ${sectors}`
  return [
    { kind: 'verdict', holds: found === 0, text: verdict },
    ...(readToTheEnd.length === 0
      ? []
      : [text(`Read from end to end after the last request: ${readToTheEnd.join(', ')}.`)]),
    ...unchecked.map(({ volume, reason }) => text(`Not checked: ${volume}, ${reason}.`)),
    ...violations.map(
      ({ kind, volume, sector, atSeconds, story }): Block => ({
        kind: 'story',
        text: `${kind}: sector ${sector} of ${volume}, at ${atSeconds.toFixed(3)} s\n${story}`,
      }),
    ),
    ...(moreViolations === 0 ? [] : [text(`${moreViolations.toLocaleString('en-US')} more violations are not told.`)]),
  ]
}

const text = (words: string): Block => ({ kind: 'text', text: words })
