/** `ok`, or the code of the error that an action fails with. An error without a code is no answer: it is passed on. */
export async function answerOf(action: () => Promise<unknown>): Promise<string> {
  try {
    await action()
    return 'ok'
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
    throw error
  }
}
