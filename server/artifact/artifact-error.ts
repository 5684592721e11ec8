/** Why an artifact is refused. */
export const ARTIFACT_ERROR_CODES = [
  'DirectoryMissing',
  'ManifestMissing',
  'ManifestInvalid',
  'VersionMismatch',
  'DigestMismatch',
  'FileMissing',
  'FileNameInvalid',
  'FileOutsideDirectory',
  'FileIsPickle',
  'SizeMismatch',
  'ExternalData',
  'ModelMalformed',
  'ModelUnusable',
  'TokenizerUnusable',
  'RowInvalid',
  'GoldenMismatch',
] as const
export type ArtifactErrorCode = (typeof ARTIFACT_ERROR_CODES)[number]

/** The artifact itself is at fault: loading it again gives the same, so it is never worth a retry. */
export class ArtifactError extends Error {
  readonly code: ArtifactErrorCode
  /** File relative to the artifact directory. */
  readonly file: string

  constructor(code: ArtifactErrorCode, file: string, message: string, options?: ErrorOptions) {
    super(`${file}: ${message}`, options)
    this.name = 'ArtifactError'
    this.code = code
    this.file = file
  }
}
