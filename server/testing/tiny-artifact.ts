import { temporaryDirectory } from './temporary-directory.ts'
import { writeTinyArtifactInto, type TinyArtifact, type TinyArtifactOptions } from './tiny-artifact-files.ts'

export type { TinyArtifact, TinyArtifactOptions }

/** Gone after the tests of the file that asked for it. */
export function writeTinyArtifact(options: TinyArtifactOptions = {}): TinyArtifact {
  return writeTinyArtifactInto(temporaryDirectory('artifact'), options)
}
