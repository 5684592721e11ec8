/** A page whose figures are written by a benchmark: only what stands between the marks is, so the rest is for people. */
import { formatted } from './formatted-file.ts'

const beginOf = (name: string) => `<!-- figures: ${name} -->`
const END = '<!-- end of figures -->'

/** The page with these figures (undefined: not measured), as `npm run format` would have it. */
export async function pageWithFigures(
  file: string,
  page: string,
  figures: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  return formatted(
    file,
    Object.entries(figures).reduce((text, [name, figure]) => replaced(file, text, name, figure), page),
  )
}

function replaced(file: string, page: string, name: string, figure: string | undefined): string {
  const mark = beginOf(name)
  const [before, rest, ...more] = page.split(mark)
  const end = rest?.indexOf(END) ?? -1
  if (before === undefined || rest === undefined || more.length > 0 || end < 0)
    throw new Error(`${file}: '${mark}' and after it '${END}' are wanted, once`)
  return `${before}${mark}\n\n${figure ?? '_Not measured yet._'}\n\n${rest.slice(end)}`
}
