/** Files as `npm run format` would have them. */
import { writeFileSync } from 'node:fs'
import { format, resolveConfig } from 'prettier'

export async function writeFormatted(file: string, text: string): Promise<void> {
  writeFileSync(file, await formatted(file, text))
}

export async function formatted(file: string, text: string): Promise<string> {
  return format(text, { ...(await resolveConfig(file)), filepath: file })
}
