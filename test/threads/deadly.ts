/** A message that no worker can carry out: an assertion fails in the worker, and its task ends of that. */
export const deadly = { kind: 'detach-snapshot', volume: 12_345 } as const
