/** A file system on the origin, snapshotted while it is changed; e2fsck has nothing to say of what the snapshot shows. */
import { spawn } from 'node:child_process'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ImageFolder, mebibyte } from '../support/nbd/images.js'
import { type Served, serve } from '../support/nbd/served.js'
import { hasTools, mustRun, runTool } from '../support/nbd/tools.js'

const size = 24 * mebibyte

/** Copies an export out and has e2fsck look at it; answers what debugfs finds in the folder. */
async function checked(served: Served, name: string): Promise<string> {
  const copy = served.folder.at(`${name}.img`)
  await mustRun('nbdcopy', ['--connections=4', served.uri(name), copy])
  const { code, err, out } = await runTool('e2fsck', ['-fn', copy])
  expect([code, out + err]).toEqual([0, out + err])
  return mustRun('debugfs', ['-R', 'ls -p /', copy])
}

describe.skipIf(!hasTools('mkfs.ext4', 'e2fsck', 'debugfs', 'nbdcopy'))(
  'an ext4 copied in (skipped where e2fsprogs or nbdcopy is missing)',
  () => {
    it('is whole in each snapshot, with the files of its instant', async () => {
      const served = await serve({ byteLength: size, written: [] })
      try {
        const made = served.folder.at('made')
        writeFileSync(made, '')
        await mustRun('mkfs.ext4', ['-q', '-F', '-b', '4096', made, `${size / 1024}k`])
        for (let count = 0; count < 4; count++) {
          const file = served.folder.at(`file-${count}`)
          writeFileSync(file, Buffer.alloc(300_000, count + 65))
          await mustRun('debugfs', ['-w', '-R', `write ${file} file-${count}`, made])
          await mustRun('nbdcopy', ['--connections=4', '--flush', made, served.uri('disk')])
          await served.snapshot(`after-${count}`, { chunkSectors: 8 << (count % 3) })
        }
        for (let count = 0; count < 4; count++) {
          const files = await checked(served, `after-${count}`)
          for (let other = 0; other < 4; other++) expect(files.includes(`file-${other}`)).toBe(other <= count)
        }
      } finally {
        await served.close()
      }
    })
  },
)

/** Whether file systems in user space can be mounted here, and loop devices made of their files. */
async function mayFuse(): Promise<boolean> {
  if (!hasTools('nbdfuse', 'fusermount3', 'mount', 'losetup', 'mkfs.ext4', 'e2fsck', 'debugfs', 'nbdcopy')) return false
  if (process.getuid?.() !== 0) return false
  const { code } = await runTool('sh', ['-c', 'exec 3<>/dev/fuse'])
  return code === 0 && (await runTool('losetup', ['-f'])).code === 0
}

describe.skipIf(!(await mayFuse()))(
  'an ext4 on nbdfuse (skipped where nbdfuse, /dev/fuse or loop devices are missing)',
  () => {
    it('made inside an export, mounted, and snapshotted live while files are written', {
      timeout: 60_000,
    }, async () => {
      const served = await serve({ byteLength: size, written: [] })
      const scratch = new ImageFolder()
      const [nbd, mounted] = [scratch.at('nbd'), scratch.at('mounted')]
      for (const folder of [nbd, mounted]) mkdirSync(folder)
      const fuse = spawn('nbdfuse', [nbd, served.uri('disk')], { stdio: 'ignore' })
      const disk = join(nbd, 'nbd')
      try {
        await until(() => statSync(disk, { throwIfNoEntry: false })?.size === size)
        await mustRun('mkfs.ext4', ['-q', '-F', disk])
        await mustRun('mount', ['-o', 'loop', disk, mounted])
        try {
          for (let count = 0; count < 20; count++) {
            // Not in this thread, which is the server's.
            await writeFile(join(mounted, `file-${count}`), Buffer.alloc(100_000, count + 65))
            if (count % 4 !== 3) continue
            // Frozen, it is whole as it lies; the snapshot is taken then, as a backup would.
            await mustRun('fsfreeze', ['-f', mounted])
            await served.snapshot(`live-${count}`, { chunkSectors: 8 })
            await mustRun('fsfreeze', ['-u', mounted])
          }
          expect((await readdir(mounted)).length).toBeGreaterThan(20)
        } finally {
          await mustRun('umount', [mounted])
        }
        for (const snapshot of served.origin.snapshots) {
          const last = Number(snapshot.name.slice(5))
          const files = await checked(served, snapshot.name)
          for (let count = 0; count < 20; count++) expect(files.includes(`/file-${count}/`)).toBe(count <= last)
        }
      } finally {
        await runTool('fusermount3', ['-u', nbd])
        fuse.kill()
        scratch.remove()
        await served.close()
      }
    })
  },
)

async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; !isSo(); await new Promise((resolve) => setTimeout(resolve, 20)))
    if (Date.now() > end) throw new Error('it does not come')
}
