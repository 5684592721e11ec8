/** Opens an artifact directory: everything that the manifest says is checked before anything is loaded. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, readdir, realpath, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { z } from 'zod'
import { ArtifactError } from './artifact-error.ts'
import { REQUIRED_FILES, manifest, type Manifest } from './manifest.ts'
import { scanOnnx } from './onnx-external-data.ts'
import { hasPickleContent, hasPickleName } from './pickle.ts'

export const MANIFEST_FILE = 'manifest.json'

export interface VerifiedArtifact {
  /** Absolute, symbolic links resolved. */
  directory: string
  manifest: Manifest
  /** `sha256:<hex>` of manifest.json: the version's digest. */
  digest: string
  /** Absolute path of a file that the manifest lists. Nothing else in the directory is ever opened. */
  path(file: string): string
  has(file: string): boolean
}

export interface Expected {
  digest?: string | undefined
  version?: string | undefined
}

export async function verifyArtifact(
  directory: string,
  expected: Expected = {},
  signal?: AbortSignal,
): Promise<VerifiedArtifact> {
  const root = await realpath(directory).catch((cause: unknown) => {
    if (!isAbsent(cause)) throw cause
    throw new ArtifactError(
      'DirectoryMissing',
      directory,
      'no such directory: check ARTIFACT_DIR and the mounted volume',
      {
        cause,
      },
    )
  })
  const { content, digest } = await readManifest(root, expected.digest)
  if (expected.version !== undefined && content.version !== expected.version) {
    throw new ArtifactError(
      'VersionMismatch',
      MANIFEST_FILE,
      `is of version ${content.version}, expected ${expected.version}`,
    )
  }
  for (const file of REQUIRED_FILES) {
    if (!(file in content.files)) throw new ArtifactError('FileMissing', file, 'not listed in manifest.json')
  }
  await refuseStrays(root)
  const paths = new Map<string, string>()
  for (const [file, entry] of Object.entries(content.files)) {
    signal?.throwIfAborted()
    paths.set(file, await verifyFile(root, file, entry))
  }
  return {
    directory: root,
    manifest: content,
    digest,
    path(file) {
      const path = paths.get(file)
      if (path === undefined) throw new ArtifactError('FileMissing', file, 'not listed in manifest.json')
      return path
    },
    has: (file) => paths.has(file),
  }
}

async function readManifest(root: string, expectedDigest?: string): Promise<{ content: Manifest; digest: string }> {
  const path = await resolveInside(root, MANIFEST_FILE, 'ManifestMissing')
  if (!(await stat(path)).isFile()) throw new ArtifactError('ManifestMissing', MANIFEST_FILE, 'is not a regular file')
  const bytes = await readFile(path)
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  if (expectedDigest !== undefined && digest !== expectedDigest) {
    throw new ArtifactError('DigestMismatch', MANIFEST_FILE, `has digest ${digest}, expected ${expectedDigest}`)
  }
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new ArtifactError('ManifestInvalid', MANIFEST_FILE, 'is not JSON', { cause })
  }
  const parsed = manifest.safeParse(value)
  if (!parsed.success) {
    throw new ArtifactError('ManifestInvalid', MANIFEST_FILE, z.prettifyError(parsed.error).replaceAll('\n', ' '))
  }
  return { content: parsed.data, digest }
}

async function verifyFile(root: string, file: string, entry: { sha256: string; bytes: number }): Promise<string> {
  const segments = file.split('/')
  if (
    file.includes('\\') ||
    file.includes('\0') ||
    segments.some((part) => part === '' || part === '.' || part === '..')
  ) {
    throw new ArtifactError('FileNameInvalid', file, 'must be a path inside the artifact directory')
  }
  const path = await resolveInside(root, file, 'FileMissing')
  const stats = await stat(path)
  if (!stats.isFile()) throw new ArtifactError('FileMissing', file, 'is not a regular file')
  const { size } = stats
  if (size !== entry.bytes) {
    throw new ArtifactError('SizeMismatch', file, `has ${size} bytes, the manifest says ${entry.bytes}`)
  }
  const { sha256, head } = await hashFile(path)
  if (sha256 !== entry.sha256) {
    throw new ArtifactError('DigestMismatch', file, `has sha256 ${sha256}, the manifest says ${entry.sha256}`)
  }
  if (hasPickleContent(file, head))
    throw new ArtifactError('FileIsPickle', file, 'holds a Python pickle: use safetensors')
  if (file.endsWith('.onnx')) {
    const scan = scanOnnx(path)
    if (scan.kind === 'external-data') {
      const message = `a tensor's values lie outside the file (byte ${scan.byte}): export the model without external data`
      throw new ArtifactError('ExternalData', file, message)
    }
    if (scan.kind === 'malformed') throw new ArtifactError('ModelMalformed', file, `is no ONNX model: ${scan.reason}`)
  }
  return path
}

/** Links that lead outside and pickles are refused also where the manifest does not list them. */
async function refuseStrays(root: string): Promise<void> {
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const file = relative(root, join(entry.parentPath, entry.name)).split(sep).join('/')
    if (entry.isSymbolicLink()) await resolveInside(root, file, 'FileMissing')
    if (hasPickleName(file))
      throw new ArtifactError('FileIsPickle', file, 'Python pickles are refused: use safetensors')
  }
}

/** Absolute path with symbolic links resolved, as it is inside `root`. */
async function resolveInside(root: string, file: string, missing: 'FileMissing' | 'ManifestMissing'): Promise<string> {
  const path = await realpath(join(root, file)).catch((cause: unknown) => {
    if (!isAbsent(cause)) throw cause
    throw new ArtifactError(missing, file, 'no such file in the artifact directory', { cause })
  })
  if (!path.startsWith(root + sep)) {
    throw new ArtifactError('FileOutsideDirectory', file, 'a symbolic link leads out of the artifact directory')
  }
  return path
}

/** Other errors (no permission, a volume that fails) say nothing about the artifact. */
function isAbsent(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP'
}

/** Enough to tell a pickle from safetensors. */
const HEAD_BYTES = 9

async function hashFile(path: string): Promise<{ sha256: string; head: Uint8Array }> {
  const hash = createHash('sha256')
  let head: Uint8Array = new Uint8Array()
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES)])
    hash.update(chunk)
  }
  return { sha256: hash.digest('hex'), head }
}
