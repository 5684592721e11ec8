/** The figures of docs/benchmarks/canary.md, out of canary.json: only what stands between the marks is written, so the rest is for people. */
import { readFileSync } from 'node:fs'
import { FIGURES } from './figures.ts'
import { formatted, readResults, writeFormatted, type Results } from './results.ts'

export const PAGE_FILE = 'docs/benchmarks/canary.md'

const beginOf = (name: string) => `<!-- figures: ${name} -->`
const END = '<!-- end of figures -->'

/** The page with the figures of these results, as `npm run format` would have it. */
export async function pageWith(results: Results, page: string): Promise<string> {
  return formatted(PAGE_FILE, Object.entries(FIGURES).reduce(replaced(results), page))
}

export async function writePage(): Promise<void> {
  await writeFormatted(PAGE_FILE, await pageWith(readResults(), readFileSync(PAGE_FILE, 'utf8')))
}

const replaced =
  (results: Results) =>
  (page: string, [name, figures]: [string, (typeof FIGURES)[keyof typeof FIGURES]]): string => {
    const mark = beginOf(name)
    const [before, rest, ...more] = page.split(mark)
    const end = rest?.indexOf(END) ?? -1
    if (before === undefined || rest === undefined || more.length > 0 || end < 0)
      throw new Error(`${PAGE_FILE}: '${mark}' and after it '${END}' are wanted, once`)
    return `${before}${mark}\n\n${figures(results) ?? '_Not measured yet._'}\n\n${rest.slice(end)}`
  }
