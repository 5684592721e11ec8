/** The figures of docs/benchmarks/canary.md, out of canary.json. */
import { readFileSync } from 'node:fs'
import { pageWithFigures } from '../figures-in-page.ts'
import { writeFormatted } from '../formatted-file.ts'
import { FIGURES } from './figures.ts'
import { readResults, type Results } from './results.ts'

export const PAGE_FILE = 'docs/benchmarks/canary.md'

export async function pageWith(results: Results, page: string): Promise<string> {
  const figures = Object.entries(FIGURES).map(([name, figure]) => [name, figure(results)] as const)
  return pageWithFigures(PAGE_FILE, page, Object.fromEntries(figures))
}

export async function writePage(): Promise<void> {
  await writeFormatted(PAGE_FILE, await pageWith(readResults(), readFileSync(PAGE_FILE, 'utf8')))
}
