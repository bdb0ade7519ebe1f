/** Figures as they are read: on the terminal and in the document. */
import type { Target } from './grid-case.js'

export function figureText(value: number, unit: string): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
  const text = value >= 1000 ? Math.round(value).toLocaleString('en-US') : value.toFixed(digits)
  return `${text} ${unit}`
}

export const percentText = (share: number): string => `${(share * 100).toFixed(0)} %`

export function targetText(target: Target): string {
  if (target.kind === 'ratio-at-least') return `≥ ${target.value.toFixed(2)}`
  if (target.kind === 'ratio-at-most') return `≤ ${target.value.toFixed(2)}`
  return `${target.kind === 'below' ? '<' : '≤'} ${target.value} ${target.unit}`
}
