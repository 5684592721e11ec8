import { expect, test } from 'vitest'
import { drawLatency, drawSaturation } from './plot-serving.ts'

const isWellFormed = (svg: string) =>
  svg.match(/<(path|rect|text|svg|style|title)\b/g)?.length ===
  (svg.match(/\/>/g)?.length ?? 0) + (svg.match(/<\/\w+>/g)?.length ?? 0)

test('bars are as long as the rates, within each workload', () => {
  const svg = drawSaturation([
    {
      name: 'short',
      bars: [
        { name: 'bare, int8', value: 400 },
        { name: 'valence, int8', value: 300 },
      ],
    },
    { name: 'long', bars: [{ name: 'valence, int8', value: 20 }] },
  ])
  const widths = [...svg.matchAll(/class="bar" .*? width="([\d.]+)"/g)].map(([, width]) => Number(width))
  expect((widths[1] ?? 0) / (widths[0] ?? 1)).toBeCloseTo(0.75)
  expect(widths[2]).toBe(widths[0])
  expect(isWellFormed(svg)).toBe(true)
})

test('a line rises where p99 does, and stays within its diagram whatever it is', () => {
  const points = [
    { x: 100, y: 30_000 },
    { x: 10, y: 1 },
    { x: 50, y: 100 },
  ]
  const svg = drawLatency([{ name: 'short', lines: [{ name: 'valence, int8', points }] }])
  const [, path = ''] = /class="server" d="([^"]+)"/.exec(svg) ?? []
  const ys = [...path.matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(([, y]) => Number(y))
  expect(ys).toEqual(ys.toSorted((a, b) => b - a))
  expect(Math.min(...ys)).toBeGreaterThan(40)
  expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  expect(isWellFormed(svg)).toBe(true)
})
