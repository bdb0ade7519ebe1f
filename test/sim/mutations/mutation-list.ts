/**
 * Ways to break the engine, each by one replacement in the compiled code. Every one takes away a promise of docs/concurrency.md or of
 * the public API, so the simulator must catch every one.
 */

export interface Mutation {
  readonly name: string
  /** The rule or the promise that it breaks. */
  readonly rule: string
  /** Below `dist`. */
  readonly file: string
  /** Occurs once in the file. */
  readonly find: string
  readonly replace: string
  /** The simulator rarely comes to it; what catches it then, if anything does. */
  readonly caughtBy?: string
}

const commit: readonly Mutation[] = [
  {
    name: 'no-barrier-after-data',
    rule: 'W1',
    file: 'workers/commit.js',
    find: 'const dataErrno = barrier(ctx, snapshot); // W1',
    replace: 'const dataErrno = 0;',
  },
  {
    name: 'no-zeroes-in-next-area',
    rule: 'W2',
    file: 'workers/commit.js',
    find: 'const errno = zeroArea(ctx, snapshot, area + 1); // W2',
    replace: 'const errno = 0;',
  },
  {
    name: 'zeroes-in-area-after-next',
    rule: 'W2',
    file: 'workers/commit.js',
    find: 'zeroArea(ctx, snapshot, area + 1)',
    replace: 'zeroArea(ctx, snapshot, area + 2)',
  },
  {
    name: 'no-barrier-after-entries',
    rule: 'W3',
    file: 'workers/commit.js',
    find: 'return barrier(ctx, snapshot); // W3',
    replace: 'return 0;',
  },
  {
    name: 'publish-before-entries',
    rule: 'W3',
    file: 'workers/commit.js',
    find: 'const errno = writeGroup(ctx, snapshot, from, end);',
    replace:
      'for (let position = from; position < end; position++) snapshot.map.publish(cursor.oldChunkAt(position), cursor.newChunkAt(position));\n' +
      '    const errno = writeGroup(ctx, snapshot, from, end);',
  },
  {
    name: 'commit-past-a-gap',
    rule: 'positions in order',
    file: 'workers/commit.js',
    find: 'const readyEnd = cursor.readyEnd();',
    replace: 'const readyEnd = cursor.claimed();',
  },
  {
    name: 'two-committers',
    rule: 'one thread has the commit word',
    file: 'workers/commit.js',
    find: 'if (!takeCommit(ctx, snapshot))',
    replace: 'if (takeCommit(ctx, snapshot) && false)',
  },
  {
    name: 'failed-entries-are-taken-as-written',
    rule: 'a failed write ends the store',
    file: 'workers/commit.js',
    find: 'invalidate(ctx, snapshot, invalidationReason.metadataWriteFailed, errno);\n        return;',
    replace: '',
  },
  {
    name: 'commit-rings-nobody',
    rule: 'R4',
    file: 'workers/commit.js',
    find: 'cursor.releaseCommit();\n        ctx.signals.ringParked();',
    replace: 'cursor.releaseCommit();',
  },
  {
    name: 'kept-entries-are-freed',
    rule: 'records of an open block are kept',
    file: 'src/shm/commit-cursor.js',
    find: 'const keepFrom = end - (end % entriesKept);',
    replace: 'const keepFrom = end;',
  },
]

const copy: readonly Mutation[] = [
  {
    name: 'ready-before-written',
    rule: 'W1',
    file: 'workers/copy-out.js',
    find: 'const newChunk = newChunkOf(snapshot, this.#jobPosition[from]);',
    replace:
      'const newChunk = newChunkOf(snapshot, this.#jobPosition[from]);\n' +
      '        for (let job = from; job !== end; job = this.#jobNext[job]) becomeReady(snapshot, this.#jobPosition[job], this.#jobOldChunk[job]);',
  },
  {
    name: 'failed-read-is-copied',
    rule: 'a failed copy ends the store',
    file: 'workers/copy-out.js',
    find: 'if (errno !== 0)\n                invalidate(ctx, snapshot, invalidationReason.originReadFailed, errno);',
    replace: '',
  },
  {
    name: 'failed-copy-becomes-ready',
    rule: 'a failed copy ends the store',
    file: 'workers/copy-out.js',
    find: 'invalidate(ctx, snapshot, invalidationReason.cowWriteFailed, errno);\n            return;',
    replace: '',
  },
  {
    name: 'runs-go-on-over-areas',
    rule: 'chunk accounting',
    file: 'workers/copy-out.js',
    find: 'newChunkOf(snapshot, this.#jobPosition[job]) + 1);',
    replace: 'newChunkOf(snapshot, this.#jobPosition[next]));',
  },
  {
    name: 'partial-write-without-its-bytes',
    rule: 'an answered write is read',
    file: 'workers/snapshot-write.js',
    find: 'ctx.plan.overlay(place + (at - chunkStart), source, to - at);',
    replace: '',
  },
]

const claims: readonly Mutation[] = [
  {
    name: 'two-claimers',
    rule: 'one thread has the claim word',
    file: 'src/shm/commit-cursor.js',
    find: 'if (Atomics.compareExchange(this.#words, word.claimOwner, 0, owner) === 0)\n                return true;',
    replace: 'Atomics.compareExchange(this.#words, word.claimOwner, 0, owner);\n            return true;',
  },
  {
    name: 'full-store-is-not-ended',
    rule: 'nobody waits for ever',
    file: 'workers/claim.js',
    find: 'invalidate(ctx, snapshot, invalidationReason.full, 0);',
    replace: '',
  },
  {
    name: 'claims-past-the-last-area',
    rule: 'W2',
    file: 'workers/claim.js',
    find: 'if (position >= endPosition(snapshot) && ',
    replace: 'if (position > endPosition(snapshot) && ',
  },
  {
    name: 'claims-twice-what-is-pending',
    rule: 'L1',
    file: 'workers/origin-write.js',
    find: 'if ((again && isPending(snapshot, chunk)) || map.lookUp(chunk) >= 0)',
    replace: 'if (map.lookUp(chunk) >= 0)',
    caughtBy: "test/rules/path-rules, 'L1'",
  },
]

const release: readonly Mutation[] = [
  {
    name: 'release-before-publish',
    rule: 'P1',
    file: 'workers/release.js',
    find: 'return !mustSave(origin, ctx.pieces.start[piece], ctx.pieces.end[piece]);',
    replace: 'return true;',
  },
  {
    name: 'forget-a-sibling',
    rule: 'P1',
    file: 'workers/origin-write.js',
    find: 'for (const snapshot of origin.snapshots) {\n        const state = snapshot.cursor.state();',
    replace: 'for (const snapshot of origin.snapshots.slice(0, 1)) {\n        const state = snapshot.cursor.state();',
  },
  {
    name: 'no-second-look',
    rule: 'P2',
    file: 'workers/snapshot-read.js',
    find: 'errno = lookAgain(ctx, snapshot, start, runEnd, arenaMinusFile);',
    replace: 'errno = 0;',
  },
  {
    name: 'read-of-a-lost-snapshot',
    rule: 'P2',
    file: 'workers/snapshot-read.js',
    find: 'const lost = isLost(snapshot);',
    replace: 'const lost = false;',
  },
]

const keys: readonly Mutation[] = [
  {
    name: 'key-of-the-smallest-chunk',
    rule: 'L1',
    file: 'workers/views.js',
    find: 'origin.snapshots[0]?.chunkBytes',
    replace: 'origin.snapshots.at(-1)?.chunkBytes',
  },
  {
    name: 'two-holders',
    rule: 'L1',
    file: 'src/shm/lock-table.js',
    find: 'if (word === free)\n                return true;',
    replace: 'if (word >= 0)\n                return true;',
  },
  {
    name: 'key-freed-before-the-write',
    rule: 'L3',
    file: 'workers/merging-io.js',
    find: 'const failure = isBarred(',
    replace: 'ctx.locks.release(ctx.pieces.stripe[piece]);\n    const failure = isBarred(',
  },
  {
    name: 'half-failed-piece-frees-its-key',
    rule: 'L3',
    file: 'workers/release.js',
    find: '? hasPending(snapshot, start, end)',
    replace: '? false',
    caughtBy: "test/rules, 'L3'",
  },
  {
    name: 'failure-leaks-a-hold',
    rule: 'L3',
    file: 'workers/pieces.js',
    find: 'const wanted = ctx.locks.release(pieces.stripe[piece]);',
    replace: 'const wanted = status === 0 && ctx.locks.release(pieces.stripe[piece]);',
  },
  {
    name: 'no-word-for-a-wanted-key',
    rule: 'R4',
    file: 'src/shm/lock-table.js',
    find: 'if (Atomics.compareExchange(this.#words, stripe, word, word | wantedBit) === word)\n                return false;',
    replace: 'return false;',
  },
  {
    name: 'parked-bit-never-set',
    rule: 'R4',
    file: 'src/shm/signals.js',
    find: 'Atomics.or(this.#words, this.#maskAt + (worker >>> 5), 1 << (worker & 31));',
    replace: '',
  },
]

const invalidation: readonly Mutation[] = [
  {
    name: 'no-barrier-after-invalid-header',
    rule: 'W5',
    file: 'workers/invalidate.js',
    find: 'return snapshot.cow.barrier();',
    replace: 'return 0;',
  },
  {
    name: 'writes-pass-an-invalidation',
    rule: 'W5',
    file: 'workers/origin-write.js',
    find: 'if (state === storeState.invalid)',
    replace: 'if (state >= storeState.invalidating)',
  },
  {
    name: 'failed-header-counts-as-written',
    rule: 'W5',
    file: 'workers/invalidate.js',
    find: 'snapshot.cursor.failHeader();',
    replace: 'snapshot.cursor.finishInvalidation();',
  },
  {
    name: 'failed-header-is-not-remembered',
    rule: 'W5',
    file: 'src/control/origin.js',
    find: 'store?.cursor.headerFailed() === true ? { invalid: true } : {}',
    replace: '{}',
  },
  {
    name: 'invalidation-raises-no-event',
    rule: 'nobody waits for ever',
    file: 'workers/invalidate.js',
    find: 'ctx.signals.ringParked();\n    ctx.signals.raiseEvent();',
    replace: 'ctx.signals.ringParked();',
  },
]

const recovery: readonly Mutation[] = [
  {
    name: 'keys-of-the-dead-freed-first',
    rule: 'L3',
    file: 'workers/recover.js',
    find: 'const stores = claimed.flatMap(',
    replace: 'ctx.locks.releaseAllOf(ctx.owner);\n    ctx.signals.ringParked();\n    const stores = claimed.flatMap(',
  },
  {
    name: 'keys-of-the-dead-kept',
    rule: 'L3',
    file: 'workers/recover.js',
    find: 'ctx.locks.releaseAllOf(owner); // L3',
    replace: '',
  },
  {
    name: 'claims-of-the-dead-not-copied',
    rule: 'recovery',
    file: 'workers/recover.js',
    find: 'if (copyThrough(ctx, snapshot, oldChunk, newChunkOf(snapshot, position)))',
    replace: 'if (true)',
  },
  {
    name: 'recovery-without-turn-boundary',
    rule: 'recovery',
    file: 'src/coordinator/machinery.js',
    find: "await this.#tellAll({ kind: 'sync' }, []);",
    replace: '',
    caughtBy: 'nothing: a recovery never comes between the calls of a live worker here',
  },
  {
    name: 'words-of-the-dead-kept',
    rule: 'recovery',
    file: 'src/coordinator/machinery.js',
    find: 'cursor?.releaseWordsOf(runner + 1);',
    replace: ';',
  },
  {
    name: 'invalidation-of-the-dead-not-ended',
    rule: 'W5',
    file: 'workers/recover.js',
    find: 'if (invalidatorDied && !cursor.headerFailed())',
    replace: 'if (false)',
  },
]

const merge: readonly Mutation[] = [
  {
    name: 'clear-before-the-origin-barrier',
    rule: 'W4',
    file: 'workers/merge-steps.js',
    find: 'const flushFailure = snapshot.barriers ? flushFile(ctx, origin.file, origin.flushFailures) : 0; // W4',
    replace: 'const flushFailure = 0;',
  },
  {
    name: 'clear-entries-beside-the-window',
    rule: 'W4',
    file: 'workers/merge-steps.js',
    find: 'for (let index = 0; index < kept; index++) {',
    replace: 'for (let index = 0; index < 0; index++) {',
  },
  {
    name: 'merge-saves-nothing-for-siblings',
    rule: 'SAVE before COPY',
    file: 'src/control/merge-loop.js',
    find: 'await this.#allSlices(operation.mergeSave);',
    replace: '',
  },
  {
    name: 'window-without-keys',
    rule: 'L1',
    file: 'workers/merge-window.js',
    find: 'if (takeStripes(ctx, origin, merging))\n        return true;',
    replace: 'if (merging)\n        return true;',
  },
  {
    name: 'window-keeps-its-keys',
    rule: 'L3',
    file: 'workers/merge-window.js',
    find: 'if (ctx.locks.releaseOnce(stripeAt(ctx, origin, merging, index), owner))',
    replace: 'if (index > 0 && ctx.locks.releaseOnce(stripeAt(ctx, origin, merging, index), owner))',
  },
  {
    name: 'window-lets-go-in-silence',
    rule: 'R4',
    file: 'workers/merge-window.js',
    find: 'if (wanted)\n        ctx.signals.ringParked();',
    replace: '',
  },
  {
    name: 'merged-chunks-stay-in-the-map',
    rule: 'retract after clearing',
    file: 'workers/merge-steps.js',
    find: 'snapshot.map.retract(window.oldChunk(index));',
    replace: '{}',
  },
  {
    name: 'begun-merge-is-not-remembered',
    rule: 'a merge that began goes on',
    file: 'src/control/origin-merge.js',
    find: `current.hasBegun = true;
            this.#origin.remember();`,
    replace: 'current.hasBegun = true;',
  },
  {
    name: 'ended-merge-is-remembered',
    rule: 'a merge that ended is over',
    file: 'src/control/origin-merge.js',
    find: 'this.#origin.remember(snapshot);',
    replace: '',
  },
  {
    name: 'window-outside-the-gate',
    rule: 'suspend waits for the window',
    file: 'src/control/merge-loop.js',
    find: 'const { gate } = this.#instance.plan.owner;',
    replace: 'const gate = { enter: async () => {}, leave: () => {} };',
  },
]

const handOvers: readonly Mutation[] = [
  {
    name: 'sleep-unannounced',
    rule: 'R3',
    file: 'workers/round.js',
    find: 'this.#bell.announceSleep(); // R3',
    replace: '',
  },
  {
    name: 'sleep-without-second-look',
    rule: 'R3',
    file: 'workers/round.js',
    find: 'if (!canTake(ctx))\n            this.#bell.wait(',
    replace: 'this.#bell.wait(',
  },
  {
    name: 'coordinator-sleeps-without-second-look',
    rule: 'R3',
    file: 'src/coordinator/watch.js',
    find: 'this.#watched.takeNews() ? undefined : this.#bell.waitAsync(seen)',
    replace: 'this.#bell.waitAsync(seen)',
  },
  {
    name: 'ring-wakes-nobody',
    rule: 'R3',
    file: 'src/shm/doorbell.js',
    find: 'if (Atomics.load(this.#words, asleepWord) !== 0)\n            Atomics.notify(this.#words, bellWord);',
    replace: '',
  },
  {
    name: 'bell-read-after-looking',
    rule: 'R3',
    file: 'workers/round.js',
    find: 'this.#bell.wait(this.#seen,',
    replace: 'this.#bell.wait(this.#bell.read(),',
  },
  {
    name: 'tail-before-its-entry',
    rule: 'R1',
    file: 'src/shm/ring.js',
    find: 'return this.#tail & this.mask;',
    replace: 'Atomics.store(this.counters, tailWord, (this.#tail + 1) | 0);\n        return this.#tail & this.mask;',
  },
  {
    name: 'control-is-done-in-silence',
    rule: 'R3',
    file: 'workers/control.js',
    find: 'ctx.signals.client.ring();',
    replace: '',
  },
]

const stores: readonly Mutation[] = [
  {
    name: 'entries-behind-the-list-stay',
    rule: 'W2, when loading',
    file: 'src/control/load-store.js',
    find: `if (isZero(tail))
            continue;`,
    replace: 'continue;',
    caughtBy: 'test/unit/control/load-store',
  },
  {
    name: 'loaded-entries-not-kept',
    rule: 'records of an open block are kept',
    file: 'src/control/load-store.js',
    find: 'cursor.keepCommitted(position, this.#keptOld[at], this.#keptNew[at]);',
    replace: '',
  },
  {
    name: 'invalid-header-is-loaded-as-good',
    rule: 'W5, when loading',
    file: 'src/control/load-store.js',
    find: 'if (!header.valid) {',
    replace: 'if (false) {',
  },
  {
    name: 'header-before-its-empty-list',
    rule: 'making a store',
    file: 'src/control/make-store.js',
    find: 'await io.barrier();\n    encodeHeader(',
    replace: 'encodeHeader(',
  },
  {
    name: 'no-barrier-after-a-new-header',
    rule: 'making a store',
    file: 'src/control/make-store.js',
    find: `io.bytes.fill(0, 0, headerBlockBytes(io)), 0);
    await io.write(0, headerBlockBytes(io));
    await io.barrier();`,
    replace: `io.bytes.fill(0, 0, headerBlockBytes(io)), 0);
    await io.write(0, headerBlockBytes(io));`,
  },
  {
    name: 'removed-store-is-not-wiped',
    rule: 'a removed store is not continued',
    file: 'src/control/make-store.js',
    find: 'io.bytes.fill(0, 0, headerBytes);',
    replace: '',
  },
  {
    name: 'data-in-an-area',
    rule: 'chunk accounting',
    file: 'src/format/geometry.js',
    find: '2 + dataIndex + Math.floor(dataIndex / g.entriesPerArea)',
    replace: '2 + dataIndex',
  },
  {
    name: 'data-in-chunk-1',
    rule: 'chunk accounting',
    file: 'src/format/geometry.js',
    find: '2 + dataIndex + Math.floor(dataIndex / g.entriesPerArea)',
    replace: '1 + dataIndex + Math.floor(dataIndex / g.entriesPerArea)',
  },
  {
    name: 'area-index-off-by-one',
    rule: 'chunk accounting',
    file: 'workers/commit.js',
    find: 'const area = Math.floor(position / entriesPerArea);',
    replace: 'const area = Math.ceil(position / entriesPerArea);',
  },
]

const memory: readonly Mutation[] = [
  {
    name: 'memory-is-not-synced',
    rule: 'a crash leaves the old list or the new',
    file: 'src/control/replace-file.js',
    find: 'fs.writeFileSync(fd, text);\n        fs.fsyncSync(fd);',
    replace: 'fs.writeFileSync(fd, text);',
  },
  {
    name: 'folder-of-the-memory-is-not-synced',
    rule: 'what was saved is remembered',
    file: 'src/control/replace-file.js',
    find: '    syncFolder(dirname(file), fs);\n}\nexport function removeFile',
    replace: '}\nexport function removeFile',
  },
  {
    name: 'snapshot-is-not-remembered',
    rule: 'a persistent snapshot comes back',
    file: 'src/control/origin.js',
    find: `this.#arriving = this.#asRemembered(prepared, prepared.device.inactive?.instances[0]);
                this.#remember(this.#remembered());`,
    replace: '',
  },
  {
    name: 'removed-snapshot-is-remembered',
    rule: 'a removed snapshot is gone',
    file: 'src/control/origin.js',
    find: 'this.#rememberWithout(snapshot);',
    replace: '',
  },
]

const devices: readonly Mutation[] = [
  {
    name: 'handover-of-an-empty-map',
    rule: 'handover',
    file: 'src/control/handover.js',
    find: 'extendedMapMemory(store.mapMemory,',
    replace: 'extendedMapMemory([],',
  },
  {
    name: 'change-without-draining',
    rule: 'a change finds its devices drained',
    file: 'src/control/stack.js',
    find: 'await Promise.all(held);\n            await this.machinery.recovered();',
    replace: 'await this.machinery.recovered();',
  },
  {
    name: 'change-before-recovery',
    rule: 'a change waits for recovery',
    file: 'src/control/stack.js',
    find: 'await Promise.all(held);\n            await this.machinery.recovered();',
    replace: 'await Promise.all(held);',
  },
  {
    name: 'late-request-is-not-counted',
    rule: 'the gate counts what is in flight',
    file: 'src/coordinator/gate.js',
    find: 'this.#inFlight++;\n            this.#startLate(request);',
    replace: 'this.#startLate(request);',
  },
  {
    name: 'gate-opens-at-the-first-open',
    rule: 'the gate opens when nobody holds it',
    file: 'src/coordinator/gate.js',
    find: 'if (this.#holds > 0)\n            return;',
    replace: '',
  },
  {
    name: 'gate-forgets-who-waits',
    rule: 'nobody waits for ever',
    file: 'src/coordinator/gate.js',
    find: 'for (const request of this.#waiting.splice(0)) {',
    replace: 'for (const request of this.#waiting.splice(0, 1)) {',
  },
  {
    name: 'detached-snapshot-stays-known',
    rule: 'a removed snapshot is gone',
    file: 'workers/control.js',
    find: 'orderSnapshots(snapshot.origin, others);',
    replace: '',
  },
]

const promises: readonly Mutation[] = [
  {
    name: 'flush-of-a-snapshot-does-nothing',
    rule: 'flush',
    file: 'workers/flush.js',
    find: 'const failure = snapshot.cow.barrier();',
    replace: 'const failure = 0;',
  },
  {
    name: 'flush-of-an-origin-does-nothing',
    rule: 'flush',
    file: 'workers/flush.js',
    find: 'const failure = flushFile(ctx, file, flushFailures);',
    replace: 'const failure = 0;',
  },
  {
    name: 'flush-forgets-the-merging-store',
    rule: 'flush',
    file: 'workers/flush.js',
    find: 'return flushFile(ctx, merging.snapshot.cow, merging.snapshot.cowFlushFailures);',
    replace: 'return 0;',
  },
  {
    name: 'discard-past-snapshots',
    rule: 'a discard is refused while there are snapshots',
    file: 'workers/origin-discard.js',
    find: 'if (origin.refusesDiscards || origin.snapshots.length > 0)',
    replace: 'if (false)',
  },
  {
    name: 'discard-past-a-merge',
    rule: 'a merging device shows its store',
    file: 'workers/origin-discard.js',
    find: "const isTaken = origin.merging.snapshot.discards !== 'refused';",
    replace:
      'const { byteLength, byteOffset } = ctx.extents;\n        const isTaken = origin.file.discard(byteLength[extent], byteOffset[extent]) === 0;',
  },
  {
    name: 'zeroes-past-snapshots',
    rule: 'P1',
    file: 'workers/origin-discard.js',
    find: 'if (mustSave(origin, start, start + byteLength) || waitsForMerge(',
    replace: 'if (waitsForMerge(',
  },
  {
    name: 'zeroes-past-a-merge',
    rule: 'a merging device shows its store',
    file: 'workers/origin-discard.js',
    find: ' || waitsForMerge(origin, start, start + byteLength)) {',
    replace: ') {',
  },
  {
    name: 'write-past-a-merge',
    rule: 'a merging device shows its store',
    file: 'workers/origin-write.js',
    find: 'if (mustSave(origin, start, end) || waitsForMerge(origin, start, end))',
    replace: 'if (mustSave(origin, start, end))',
  },
]

export const mutations: readonly Mutation[] = [
  ...commit,
  ...copy,
  ...claims,
  ...release,
  ...keys,
  ...invalidation,
  ...recovery,
  ...merge,
  ...handOvers,
  ...stores,
  ...memory,
  ...devices,
  ...promises,
  {
    name: 'failed-barrier-is-forgotten',
    rule: 'decision 11',
    file: 'workers/flush.js',
    find: 'failures.note(failure);',
    replace: ';',
  },
  {
    name: 'lost-copies-stay-valid',
    rule: 'decision 11',
    file: 'workers/flush.js',
    find: 'if (failure !== 0 && snapshot.barriers)',
    replace: 'if (false)',
    caughtBy: 'test/rules/flush-failures',
  },
  {
    name: 'published-entries-are-written-again',
    rule: 'W3, recovery',
    file: 'workers/commit.js',
    find: 'while (end < readyEnd && map.lookUp(cursor.oldChunkAt(end)) >= 0)',
    replace: 'while (false)',
    caughtBy: "test/rules/recovery, 'W3'",
  },
  {
    name: 'loaded-store-is-not-made-durable',
    rule: 'W3, loading',
    file: 'src/control/open-store.js',
    find: 'await io.barrier();',
    replace: '',
  },
  {
    name: 'loaded-list-is-not-made-durable',
    rule: 'sidecar',
    file: 'src/engine.js',
    find: 'memory?.settle();',
    replace: ';',
    caughtBy: 'nothing yet: power must fail right after a process was killed within one rename',
  },
  {
    name: 'arrival-is-not-in-the-list',
    rule: 'sidecar',
    file: 'src/control/origin.js',
    find: 'return [...present, ...this.#arriving];',
    replace: 'return present;',
  },
  {
    name: 'leaver-is-remembered-again',
    rule: 'sidecar',
    file: 'src/control/origin.js',
    find: `this.#removing = leaving;
        try {
            this.#remember(this.#remembered());`,
    replace: `this.#removing = leaving;
        try {
            this.#remember(this.#remembered());
            this.#removing = undefined;`,
  },
  {
    name: 'merge-is-remembered-before-it-begins',
    rule: 'merge',
    file: 'src/control/origin-merge.js',
    find: 'hasBegun: last !== undefined',
    replace: 'hasBegun: true',
    caughtBy: 'nothing yet: seed 834 of an earlier generator found it',
  },
  {
    name: 'kept-entries-are-not-checked',
    rule: 'merge',
    file: 'workers/merge-window.js',
    find: `position < window.from; position++) {
        const oldChunk = window.keptOldChunk(position);
        if (`,
    replace: `position < window.from; position++) {
        const oldChunk = window.keptOldChunk(position);
        if (false && `,
    caughtBy: 'test/rules/merge-errors',
  },
  {
    name: 'merge-that-did-not-begin-shows-another',
    rule: 'merge',
    file: 'src/control/origin-merge.js',
    find: 'snapshot.showOn(undefined);',
    replace: ';',
  },
]
