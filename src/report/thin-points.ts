/**
 * Fewer points for the same picture: of each stretch of a long line the first, the least, the greatest and the last stay, and
 * a gap if there is one. So a page of a run of hours is no longer than one of minutes, and no spike is lost.
 */

/** A value that is not finite is a gap. */
export type Point = readonly [x: number, y: number]

/** More than the plots have columns of pixels on a phone. */
export const pointsMax = 600

const keptOfStretch = 5

export function thinned(points: readonly Point[], limit = pointsMax): readonly Point[] {
  if (points.length <= limit) return points
  const stretches = Math.floor(limit / keptOfStretch)
  return Array.from({ length: stretches }, (_, index) => {
    const from = Math.floor((index * points.length) / stretches)
    return outstanding(points.slice(from, Math.floor(((index + 1) * points.length) / stretches)))
  }).flat()
}

function outstanding(points: readonly Point[]): readonly Point[] {
  const kept = new Set([0, points.length - 1])
  let [least, greatest, gap] = [-1, -1, -1]
  points.forEach(([, y], index) => {
    if (!Number.isFinite(y)) gap = index
    else {
      if (least < 0 || y < (points[least]?.[1] ?? y)) least = index
      if (greatest < 0 || y > (points[greatest]?.[1] ?? y)) greatest = index
    }
  })
  for (const index of [least, greatest, gap]) if (index >= 0) kept.add(index)
  return points.filter((_, index) => kept.has(index))
}
