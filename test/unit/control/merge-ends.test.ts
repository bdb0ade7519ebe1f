/** How a merge ends for those who steer it, at the moments when that is not clear. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Merge } from '../../../src/control/merge.js'

/** A merge that is done but for what is left to do, and that. */
function almostDone(): { merge: Merge; finish: () => void; complete: Promise<void> } {
  const merge = new Merge()
  let finish = () => {}
  merge.whenMerged = () =>
    new Promise((resolve) => {
      finish = resolve
    })
  const complete = merge.complete()
  return { merge, finish: () => finish(), complete }
}

it('a merge that is done but for its tables is not paused any more', async () => {
  const { complete, finish, merge } = almostDone()
  const paused = merge.pause()
  expect(merge.state).toBe('running')
  finish()
  await Promise.all([complete, paused])
  expect(merge.state).toBe('merged')
})

it('a merge that is done but for its tables is not cancelled any more, and who tried learns how it ended', async () => {
  const { finish, merge } = almostDone()
  let isOver = false
  const cancelled = merge.cancel().then(() => {
    isOver = true
  })
  await sleep(20)
  expect([isOver, merge.state]).toEqual([false, 'running'])
  finish()
  await cancelled
  expect([merge.state, await merge.finished]).toEqual(['merged', 'merged'])
})

it('a rate so low that the next window is months away is no rate without a limit', async () => {
  const merge = new Merge()
  let isOver = false
  void merge.sleep(2 ** 40).then(() => {
    isOver = true
  })
  await sleep(30)
  expect(isOver).toBe(false)
  merge.end('merged')
})
