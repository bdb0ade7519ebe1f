/** What figures were measured on. */
import { cpus, release, totalmem } from 'node:os'
import type { MachineFacts } from '../result/load-result.js'

export function machineFacts(): MachineFacts {
  const [first] = cpus()
  return {
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
  }
}
