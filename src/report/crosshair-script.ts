/**
 * The script of a page: under a pointer or a finger, a line across the plot and what every line is there. It reads the JSON
 * beside each plot, and writes text only, never markup. Without it, nothing but this is missing.
 */
export const crosshairScript = `
for (const figure of document.querySelectorAll('figure')) {
  const data = figure.querySelector('script')
  const plot = figure.querySelector('svg')
  if (!data || !plot.dataset.area) continue
  const lines = JSON.parse(data.textContent)
  const [left, top, right, bottom] = plot.dataset.area.split(' ').map(Number)
  const width = plot.viewBox.baseVal.width
  const cross = document.createElementNS('http://www.w3.org/2000/svg', 'line')
  cross.setAttribute('class', 'cross')
  const box = document.createElement('div')
  box.className = 'reading'
  const hide = () => { cross.remove(); box.remove() }
  const nearest = (at, x) => at.reduce((best, one) => Math.abs(one[0] - x) < Math.abs(best[0] - x) ? one : best, at[0])
  const show = (event) => {
    const frame = plot.getBoundingClientRect()
    const x = (event.clientX - frame.left) * width / frame.width
    const found = lines.filter((line) => line.at.length > 0).map((line) => [line.name, nearest(line.at, x)])
    if (x < left - 8 || x > right + 8 || found.length === 0) return hide()
    const first = found.reduce((best, one) => Math.abs(one[1][0] - x) < Math.abs(best[1][0] - x) ? one : best)[1]
    const here = found.filter(([, point]) => Math.abs(point[0] - first[0]) < 6)
    const place = { x1: first[0], x2: first[0], y1: top, y2: bottom }
    for (const key in place) cross.setAttribute(key, place[key])
    plot.append(cross)
    box.textContent = [first[1], ...here.map(([name, point]) => name + '  ' + point[2])].join('\\n')
    figure.append(box)
    const room = figure.clientWidth - box.offsetWidth
    const beside = first[0] * frame.width / width + 10
    box.style.left = Math.max(0, beside > room ? beside - 20 - box.offsetWidth : beside) + 'px'
    box.style.top = top * frame.width / width + 'px'
  }
  plot.addEventListener('pointermove', show)
  plot.addEventListener('pointerdown', show)
  plot.addEventListener('pointerleave', (event) => { if (event.pointerType === 'mouse') hide() })
}
`
