/**
 * Ranks go up: a file imports only lower ranks, or its own folder. The order is the one of ARCHITECTURE.md.
 */
const ranks = [
  ['src/base'],
  ['src/format', 'src/io', 'src/shm'],
  ['src/wire'],
  ['src/coordinator', 'workers'],
  ['src/targets'],
  ['src/control'],
  ['src/seat'],
  ['src/engine.ts'],
  ['src/index.ts'],
  ['src/nbd'],
  ['src/metrics'],
  ['src/report'],
  ['src/load'],
  ['src/cli', 'bench'],
]
const pattern = (place) => (place.endsWith('.ts') ? `^${place.replace('.', '\\.')}$` : `^${place}/`)

const rankRules = ranks.flatMap((places, rank) =>
  places.map((place) => ({
    name: `rank-of-${place.replaceAll('/', '-')}`,
    comment: `${place} imports lower ranks and itself`,
    severity: 'error',
    from: { path: pattern(place) },
    to: {
      path: ranks
        .slice(rank)
        .flat()
        .filter((other) => other !== place)
        .map(pattern),
    },
  })),
)

module.exports = {
  forbidden: [
    ...rankRules,
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'shells-import-the-index-only',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: {
        path: '^src/',
        pathNot: ['^src/cli/', '^src/load/', '^src/report/', '^src/metrics/', '^src/nbd/', '^src/index\\.ts$'],
      },
    },
    {
      name: 'the-harness-imports-the-index-and-raw-files',
      comment: 'files without an engine are what it compares with; its threads are made as all others are',
      severity: 'error',
      from: { path: '^src/load/' },
      to: {
        path: '^src/',
        pathNot: [
          '^src/load/',
          '^src/report/',
          '^src/nbd/',
          '^src/io/',
          '^src/base/',
          '^src/coordinator/one-thread\\.ts$',
          '^src/index\\.ts$',
        ],
      },
    },
    {
      name: 'metrics-import-the-index-only',
      comment: 'they tell what any program could find out',
      severity: 'error',
      from: { path: '^src/metrics/' },
      to: { path: '^src/', pathNot: ['^src/metrics/', '^src/index\\.ts$'] },
    },
    {
      name: 'one-user-of-prom-client',
      severity: 'error',
      from: { pathNot: '^src/metrics/' },
      to: { path: 'node_modules/prom-client' },
    },
    {
      name: 'reports-know-nothing-of-engines',
      severity: 'error',
      from: { path: '^src/report/' },
      to: { path: '^src/', pathNot: ['^src/report/'] },
    },
    {
      name: 'one-import-of-piscina',
      severity: 'error',
      from: { pathNot: '^src/coordinator/one-thread\\.ts$' },
      to: { path: 'node_modules/piscina' },
    },
    {
      name: 'one-import-of-koffi',
      severity: 'error',
      from: { pathNot: '^src/io/libc\\.ts$' },
      to: { path: 'node_modules/koffi' },
    },
    {
      name: 'files-only-in-io-and-memory',
      comment: 'the data path opens no files; the origin memory and the command line keep files of their own',
      severity: 'error',
      from: { path: '^(src|workers)/', pathNot: ['^src/io/', '^src/control/', '^src/cli/', '^src/nbd/', '^src/load/'] },
      to: { path: '^(node:)?fs' },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: ['\\.d\\.ts$'] },
      to: {},
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
}
