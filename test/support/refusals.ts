/**
 * What a table that the kernel refuses comes to here: its reason, as the kernel logged it, and the code that stands for
 * it. The first reason that matches counts.
 */

const refusals: readonly (readonly [RegExp, string])[] = [
  [/COW device cannot be the same as origin device/, 'COW_IS_ORIGIN'],
  // Another snapshot uses the COW.
  [/Unable to perform snapshot handover until source is suspended/, 'DEVICE_BUSY'],
  [/Cannot get (COW|origin) device/, 'DEVICE_MISSING'],
  [/Invalid or corrupt snapshot/, 'COW_NOT_A_STORE'],
  // On a working device this is a COW that ends before its first metadata area does.
  [/zero_disk_area\(0\) failed|Failed to read snapshot metadata/, 'COW_TOO_SMALL'],
  [/Couldn't create exception store|Chunk size not set/, 'INVALID_ARGUMENT'],
]

/** The code that matches a refusal; fails if the kernel gave a reason that is not known here. */
export function refusalCode(klog: readonly string[]): string {
  const code = refusals.find(([reason]) => klog.some((line) => reason.test(line)))?.[1]
  if (code === undefined) throw new Error(`no code stands for the refusal: ${klog.join('; ')}`)
  return code
}
