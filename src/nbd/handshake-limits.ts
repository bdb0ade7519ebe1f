/** How much of the main thread one client may have before it has shown that it is one. */
export const handshakeLimits = {
  /** What qemu gives its clients: time for a slow link with TLS, and soon over for those who only hold a connection. */
  deadlineMs: 10_000,
  /** `nbdinfo --list` asks three options of each export; a thousand devices fit. */
  optionsMax: 4096,
  /** The longest payload that is looked at: a full name and fifteen full contexts. */
  payloadBytesMax: 64 * 1024,
  /** A longer payload than that is skipped, so that the next option is found; beyond this the connection is closed. */
  skippedBytesMax: 1024 * 1024,
} as const
