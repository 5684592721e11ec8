import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { externalTensor, model } from '../testing/onnx-writer.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { writeTinyArtifact, type TinyArtifactOptions } from '../testing/tiny-artifact.ts'
import { ArtifactError } from './artifact-error.ts'
import { verifyArtifact, type Expected } from './verify.ts'

async function refusal(
  directory: string,
  expected?: Expected,
): Promise<{ code: string; file: string; message: string }> {
  try {
    await verifyArtifact(directory, expected)
  } catch (error) {
    if (error instanceof ArtifactError) return { code: error.code, file: error.file, message: error.message }
    throw error
  }
  throw new Error('the artifact was accepted')
}

const refusalOf = (options: TinyArtifactOptions) => refusal(writeTinyArtifact(options).directory)

describe('verifyArtifact', () => {
  test('accepts a complete artifact and gives its digest', async () => {
    const { directory, digest } = writeTinyArtifact()
    const artifact = await verifyArtifact(directory, { digest, version: 'tiny-1a2b3c4d5e' })
    expect(artifact.digest).toBe(digest)
    expect(artifact.has('checkpoint/model.safetensors')).toBe(true)
    expect(artifact.has('manifest.json')).toBe(false)
    expect(() => artifact.path('manifest.json')).toThrow(ArtifactError)
  })

  test('refuses a directory that is not there', async () => {
    expect(await refusal(join(tmpdir(), 'no-such-artifact'))).toMatchObject({ code: 'DirectoryMissing' })
  })

  test('refuses a directory without a manifest: it is not complete', async () => {
    const { directory } = writeTinyArtifact()
    rmSync(join(directory, 'manifest.json'))
    expect(await refusal(directory)).toMatchObject({ code: 'ManifestMissing', file: 'manifest.json' })
  })

  test('refuses a manifest with another digest than the pinned one', async () => {
    const { directory } = writeTinyArtifact()
    const refused = await refusal(directory, { digest: `sha256:${'1'.repeat(64)}` })
    expect(refused).toMatchObject({ code: 'DigestMismatch', file: 'manifest.json' })
  })

  test('refuses an artifact of another version', async () => {
    const { directory } = writeTinyArtifact()
    expect(await refusal(directory, { version: 'other' })).toMatchObject({ code: 'VersionMismatch' })
  })

  test('refuses a manifest that does not match the schema and names the field', async () => {
    const refused = await refusalOf({ manifest: (manifest) => ({ ...manifest, maxLength: 'long' }) })
    expect(refused.code).toBe('ManifestInvalid')
    expect(refused.message).toContain('maxLength')
  })

  test('refuses a manifest that is no JSON', async () => {
    const { directory } = writeTinyArtifact()
    writeFileSync(join(directory, 'manifest.json'), '{')
    expect(await refusal(directory)).toMatchObject({ code: 'ManifestInvalid' })
  })

  test('refuses a manifest that does not list a required file', async () => {
    const refused = await refusalOf({ files: { 'config.json': undefined } })
    expect(refused).toMatchObject({ code: 'FileMissing', file: 'config.json' })
  })

  test('refuses a listed file that is not there', async () => {
    const { directory } = writeTinyArtifact()
    rmSync(join(directory, 'tokenizer.json'))
    expect(await refusal(directory)).toMatchObject({ code: 'FileMissing', file: 'tokenizer.json' })
  })

  test('refuses a file with one byte changed', async () => {
    const { directory } = writeTinyArtifact()
    const path = join(directory, 'model.int8.onnx')
    const bytes = readFileSync(path)
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1
    writeFileSync(path, bytes)
    expect(await refusal(directory)).toMatchObject({ code: 'DigestMismatch', file: 'model.int8.onnx' })
  })

  test('refuses a file of another size', async () => {
    const { directory } = writeTinyArtifact()
    writeFileSync(join(directory, 'config.json'), '{}')
    expect(await refusal(directory)).toMatchObject({ code: 'SizeMismatch', file: 'config.json' })
  })

  test.each(['../secret', '/etc/passwd', 'a//b', './config.json', 'a/../config.json', 'a\\b', ''])(
    'refuses %j as the name of a file',
    async (name) => {
      const refused = await refusalOf({
        manifest: (manifest) => ({ ...manifest, files: { ...manifest.files, [name]: manifest.files['config.json'] } }),
      })
      expect(refused).toMatchObject({ code: 'FileNameInvalid', file: name })
    },
  )

  test('refuses a listed file that is a link out of the directory, although its digest is right', async () => {
    const { directory } = writeTinyArtifact()
    const outside = join(temporaryDirectory('outside'), 'file')
    copyFileSync(join(directory, 'config.json'), outside)
    rmSync(join(directory, 'config.json'))
    symlinkSync(outside, join(directory, 'config.json'))
    expect(await refusal(directory)).toMatchObject({ code: 'FileOutsideDirectory', file: 'config.json' })
  })

  test('refuses a link out of the directory that the manifest does not list', async () => {
    const { directory } = writeTinyArtifact()
    symlinkSync('/etc', join(directory, 'extra'))
    expect(await refusal(directory)).toMatchObject({ code: 'FileOutsideDirectory', file: 'extra' })
  })

  test('follows a link that stays inside, and one that leads to the artifact', async () => {
    const { directory } = writeTinyArtifact()
    const link = join(temporaryDirectory('link'), 'artifact')
    symlinkSync(directory, link)
    mkdirSync(join(directory, 'sub'))
    symlinkSync('../config.json', join(directory, 'sub', 'config.json'))
    await expect(verifyArtifact(link)).resolves.toMatchObject({ directory })
  })

  test.each(['checkpoint/pytorch_model.bin', 'training_args.PT', 'x.pkl'])('refuses the pickle %s', async (name) => {
    expect(await refusalOf({ files: { [name]: 'x' } })).toMatchObject({ code: 'FileIsPickle', file: name })
  })

  test('refuses a pickle under a harmless name by its content', async () => {
    const pickle = Buffer.from([0x80, 4, 0x95, 0])
    expect(await refusalOf({ files: { 'notes.txt': pickle } })).toMatchObject({
      code: 'FileIsPickle',
      file: 'notes.txt',
    })
    const zip = Buffer.from('PK\u0003\u0004archive/data.pkl')
    expect(await refusalOf({ files: { 'notes.txt': zip } })).toMatchObject({ code: 'FileIsPickle' })
  })

  test('takes safetensors whose header length reads like the start of a pickle', async () => {
    const header = JSON.stringify({ __metadata__: { format: 'pt' } }).padEnd(0x0280)
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(header.length))
    const safetensors = Buffer.concat([length, Buffer.from(header)])
    expect([...safetensors.subarray(0, 2)]).toEqual([0x80, 2])
    const { directory } = writeTinyArtifact({ files: { 'checkpoint/model.safetensors': safetensors } })
    expect((await verifyArtifact(directory)).has('checkpoint/model.safetensors')).toBe(true)
    const pickle = Buffer.from([0x80, 2, 0x7d, 0x71, 0, 0x2e])
    expect(await refusalOf({ files: { 'model.safetensors': pickle } })).toMatchObject({ code: 'FileIsPickle' })
  })

  test('refuses a pickle that the manifest does not list', async () => {
    const { directory } = writeTinyArtifact()
    writeFileSync(join(directory, 'optimizer.pt'), 'x')
    expect(await refusal(directory)).toMatchObject({ code: 'FileIsPickle', file: 'optimizer.pt' })
  })

  test('refuses a model with external data', async () => {
    const external = model({
      nodes: [],
      initializers: [externalTensor('weights', [2, 2], '../../etc/passwd')],
      inputs: [],
      outputs: [],
    })
    const refused = await refusalOf({ files: { 'model.fp32.onnx': external } })
    expect(refused).toMatchObject({ code: 'ExternalData', file: 'model.fp32.onnx' })
  })

  test('refuses a file that is no ONNX model', async () => {
    const refused = await refusalOf({ files: { 'model.fp32.onnx': '<html>not found</html>' } })
    expect(refused).toMatchObject({ code: 'ModelMalformed', file: 'model.fp32.onnx' })
  })

  test('leaves an earlier evaluation report alone', async () => {
    const { directory } = writeTinyArtifact()
    writeFileSync(join(directory, 'evaluation-1.json'), '{}')
    await expect(verifyArtifact(directory)).resolves.toBeDefined()
  })
})
