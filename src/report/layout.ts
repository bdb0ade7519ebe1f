/**
 * Measures of a plot, in its own units: as wide as a phone is, so that the text keeps its size there, and grows where there is
 * more room.
 */
export const layout = {
  width: 420,
  left: 56,
  right: 14,
  fontSize: 13,
  titleSize: 15,
  titleBaseline: 20,
  /** Of what is said about the upright axis. */
  labelBaseline: 41,
  /** Where marks begin, or the area if there are none. */
  headHeight: 50,
  areaHeight: 190,
  tickDrop: 17,
  labelDrop: 34,
  /** From the area's lower end to the legend. */
  footHeight: 42,
  legendRow: 19,
} as const
