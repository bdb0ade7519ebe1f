/** How often each column of a striped target has failed, in shared memory: any worker counts, the coordinator reads. */
export const stripeFailuresBytes = (columns: number): number => columns * 4

/** True for the failures that also raise an event: the first 14 of a column, as in the kernel. */
export function countStripeFailure(failures: SharedArrayBuffer, column: number): boolean {
  return Atomics.add(new Int32Array(failures), column, 1) < stripeEventsMax
}

export const stripeFailures = (failures: SharedArrayBuffer, column: number): number =>
  Atomics.load(new Int32Array(failures), column)

export const stripeEventsMax = 14
