/** docs/metrics.md and the dashboard, against what an engine tells. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Engine } from 'cowring'
import { engineMetrics } from 'cowring/metrics'
import { collectDefaultMetrics } from 'prom-client'
import { beforeAll, describe, expect, it } from 'vitest'
import { deviceFigures } from '../../src/metrics/device-figures.js'
import { engineFigures } from '../../src/metrics/engine-figures.js'
import { hasTool } from '../support/nbd/tools.js'
import { PrometheusText } from '../support/prometheus-text.js'

const manualPath = new URL('../../docs/metrics.md', import.meta.url)
const dashboardPath = new URL('../../docs/grafana-dashboard.json', import.meta.url)

/** Everything that the daemon's text has, by name. */
let told: PrometheusText
beforeAll(async () => {
  await using engine = await Engine.start({ workers: 1 })
  const registry = engineMetrics(engine)
  collectDefaultMetrics({ register: registry })
  told = new PrometheusText(await registry.metrics())
})

const figures = [...engineFigures, ...deviceFigures]

/** The names of metrics that an expression asks for: not labels, which stand in braces or behind `by`, nor functions. */
const namesIn = (expression: string): readonly string[] =>
  expression
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]|"[^"]*"|\b(by|ignoring|on) \([^)]*\)/g, '')
    .match(/\b[a-z]+_[a-z0-9_]+\b(?!\s*\()/g) ?? []

/** What is in braces, or behind `by`, in an expression. */
const labelsIn = (expression: string): readonly string[] => [
  ...[...expression.matchAll(/\{([^}]*)\}/g)].flatMap(([, inside]) =>
    [...(inside ?? '').matchAll(/(\w+)\s*(?:=|!)/g)].map(([, label]) => label ?? ''),
  ),
  ...[...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, inside]) => (inside ?? '').split(/,\s*/)),
]

function expectKnown(expression: string): void {
  const names = namesIn(expression)
  expect(names, expression).not.toEqual([])
  for (const name of names) {
    const metric = told.metrics.get(name) ?? told.metrics.get(name.replace(/_(bucket|sum|count)$/, ''))
    expect(metric, `${name} in ${expression}`).toBeDefined()
    if (metric?.type === 'histogram') expect(name, expression).toMatch(/_(bucket|sum|count)$/)
  }
  const known = new Set(['instance', ...figures.flatMap(({ labels }) => labels)])
  for (const label of labelsIn(expression)) expect(known, `${label} in ${expression}`).toContain(label)
}

describe('the manual', () => {
  const generated = /(<!-- generated: metrics -->\n)[\s\S]*?(<!-- \/generated -->)/
  const regenerated = (text: string): string => text.replace(generated, `$1${table()}$2`)
  if (process.env.UPDATE_DOCS !== undefined) writeFileSync(manualPath, regenerated(readFileSync(manualPath, 'utf8')))
  const manual = readFileSync(manualPath, 'utf8')

  it('has every metric, as the engine tells it (if not: UPDATE_DOCS=1 npx vitest run test/metrics)', () => {
    expect(manual).toBe(regenerated(manual))
    expect(generated.exec(manual)?.[0]).toContain('| `cowring_requests_total` |')
  })

  it('describes the metrics that there are', () => {
    const own = [...told.metrics.values()].filter(({ name }) => name.startsWith('cowring_'))
    expect(own.map(({ name, help, type }) => ({ name, help, type }))).toEqual(
      figures.map(({ name, help, type }) => ({ name, help, type })),
    )
  })

  it('names metrics of the process that there are', () => {
    const names = manual.match(/`(?:process|nodejs)_\w+`/g) ?? []
    expect(names.length).toBeGreaterThan(4)
    for (const name of names) expect(told.metrics.has(name.slice(1, -1)), name).toBe(true)
  })

  it('has alerts on metrics and labels that there are', () => {
    const expressions = [...manual.matchAll(/^ +expr: (.*)$/gm)].map(([, expression]) => expression ?? '')
    expect(expressions.length).toBeGreaterThan(3)
    for (const expression of expressions) expectKnown(expression)
  })

  it('has a program that prints the text, as one that has installed the package', () => {
    const [, program = ''] = /```js\n([\s\S]*?)```/.exec(manual) ?? []
    const words = ['--input-type=module', '-e', `${program}\nawait engine.close()`]
    const { stderr, stdout } = spawnSync(process.execPath, words, {
      encoding: 'utf8',
      cwd: new URL('../..', import.meta.url),
    })
    expect(stderr).toBe('')
    const [type = '', text = ''] = stdout.split(/ (?=# HELP)/, 2)
    expect(type).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect([...new PrometheusText(text.slice(0, -1)).metrics.keys()]).toEqual(figures.map(({ name }) => name))
  })

  it.skipIf(!hasTool('promtool'))('has alerts and a scrape configuration that promtool takes (needs promtool)', () => {
    const [scrape = '', alerts = ''] = [...manual.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block]) => block ?? '')
    expect(promtool('config', scrape)).toContain('SUCCESS')
    expect(promtool('rules', alerts)).toContain('SUCCESS: 5 rules found')
  })
})

describe('the dashboard', () => {
  interface Panel {
    readonly id: number
    readonly type: string
    readonly title: string
    readonly datasource?: { readonly uid: string }
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
    readonly targets?: readonly {
      readonly refId: string
      readonly expr: string
      readonly datasource: { uid: string }
    }[]
  }
  interface Variable {
    readonly name: string
    readonly type: string
    readonly definition?: string
  }
  const dashboard: {
    readonly schemaVersion: number
    readonly panels: readonly Panel[]
    readonly templating: { readonly list: readonly Variable[] }
  } = JSON.parse(readFileSync(dashboardPath, 'utf8'))
  const { panels, templating } = dashboard
  const targets = panels.flatMap((panel) => panel.targets ?? [])
  const shown = panels.filter(({ type }) => type !== 'row')

  it('has panels with ids and places of their own, each on the data source that is chosen', () => {
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(38)
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { h, w, x, y } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)} ${y + Math.floor(at / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
    for (const panel of shown) {
      expect(panel.datasource?.uid, panel.title).toBe(`\${datasource}`)
      expect(panel.targets?.length, panel.title).toBeGreaterThan(0)
      const refIds = panel.targets?.map(({ refId }) => refId)
      expect(new Set(refIds).size, panel.title).toBe(refIds?.length)
    }
    for (const target of targets) expect(target.datasource.uid).toBe(`\${datasource}`)
  })

  it('asks for metrics and labels that there are', () => {
    for (const { expr } of targets) expectKnown(expr)
    for (const { definition } of templating.list) {
      const [, query, label = ''] = /^label_values\((.*), (\w+)\)$/.exec(definition ?? '') ?? []
      if (definition !== undefined) expectKnown(`sum by (${label}) (${query})`)
    }
  })

  it('uses variables that it has', () => {
    const has = new Set([...templating.list.map(({ name }) => name), '__rate_interval', '__all'])
    for (const [, name] of readFileSync(dashboardPath, 'utf8').matchAll(/\$\{?(\w+)/g)) expect(has).toContain(name)
  })

  it('shows what the engine counts: every metric of its own, but those that need no panel', () => {
    const asked = new Set(targets.flatMap(({ expr }) => namesIn(expr)))
    const missing = figures
      .filter(({ name, type }) => !asked.has(type === 'histogram' ? `${name}_bucket` : name))
      .map(({ name }) => name)
    expect(missing).toEqual([
      'cowring_turns_total',
      'cowring_uncopied_writes_total',
      'cowring_copied_bytes_total',
      'cowring_second_looks_total',
      'cowring_workers',
      'cowring_device_size_bytes',
      'cowring_device_users',
      'cowring_device_events_total',
      'cowring_store_allocated_bytes',
      'cowring_store_metadata_bytes',
      'cowring_store_size_bytes',
      'cowring_store_exceptions',
      'cowring_snapshot_valid',
    ])
  })

  it.skipIf(!hasTool('promtool'))('has expressions that promtool takes (needs promtool)', () => {
    const rules = targets.map(({ expr }, at) => {
      const text = expr.replaceAll('$__rate_interval', '1m')
      return `      - record: panel:${at}\n        expr: ${JSON.stringify(text)}\n`
    })
    const said = promtool('rules', `groups:\n  - name: panels\n    rules:\n${rules.join('')}`)
    expect(said).toContain(`SUCCESS: ${targets.length} rules found`)
  })
})

function table(): string {
  const rows = figures.map(({ name, type, labels, help }) => {
    const shown = labels.filter((label) => label !== 'le').map((label) => `\`${label}\``)
    return `| \`${name}\` | ${type} | ${shown.join(', ')} | ${help} |\n`
  })
  return `| metric | type | labels | |\n| --- | --- | --- | --- |\n${rows.join('')}`
}

/** What `promtool check` says about a file with this text. */
function promtool(what: 'rules' | 'config', text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'cowring-promtool-'))
  try {
    const path = join(folder, 'checked.yml')
    writeFileSync(path, text)
    const { stderr, stdout } = spawnSync('promtool', ['check', what, path], { encoding: 'utf8' })
    return stdout + stderr
  } finally {
    rmSync(folder, { recursive: true })
  }
}
