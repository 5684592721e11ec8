import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** Gone after the tests of the file that asked for it. */
export function temporaryDirectory(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), `valence-${name}-`))
  created.push(directory)
  return directory
}

const created: string[] = []
afterAll(() => {
  for (const directory of created.splice(0)) rmSync(directory, { recursive: true, force: true })
})
