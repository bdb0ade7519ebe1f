/** How long a soak goes on: COWRING_SOAK_MINUTES, 10 by default. */
const minutes = Number(process.env.COWRING_SOAK_MINUTES ?? 10)
if (!(minutes > 0)) throw new Error(`COWRING_SOAK_MINUTES must be a number of minutes, not ${minutes}`)

export const soakMs = minutes * 60_000
/** What a test may take beyond its time to finish what it has begun. */
export const graceMs = 120_000
