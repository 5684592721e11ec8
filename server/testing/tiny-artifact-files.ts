import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Manifest } from '../artifact/manifest.ts'
import {
  EVALUATION_ROWS,
  LABELS,
  MAX_LENGTH,
  PARITY_TEXTS,
  expectedIds,
  expectedLogits,
  tinyOnnx,
  tinyTokenizer,
} from './tiny-model.ts'

export interface TinyArtifact {
  directory: string
  digest: string
  version: string
}

export interface TinyArtifactOptions {
  version?: string
  /** Replaces (or, with undefined, leaves out) files before the manifest is written. */
  files?: Record<string, string | Uint8Array | undefined>
  /** Changes the manifest after its digests were taken. */
  manifest?: (manifest: Manifest) => unknown
}

const jsonl = (rows: object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

/** Writes a complete, working artifact into an empty directory. */
export function writeTinyArtifactInto(directory: string, options: TinyArtifactOptions = {}): TinyArtifact {
  const version = options.version ?? 'tiny-1a2b3c4d5e'
  const contents: Record<string, string | Uint8Array | undefined> = {
    'model.fp32.onnx': tinyOnnx('fp32'),
    'model.int8.onnx': tinyOnnx('int8'),
    'tokenizer.json': JSON.stringify(tinyTokenizer()),
    'tokenizer_config.json': JSON.stringify({
      model_max_length: 5,
      pad_token: '[PAD]',
      tokenizer_class: 'BertTokenizer',
    }),
    'config.json': JSON.stringify({ id2label: { 0: LABELS[0], 1: LABELS[1] } }),
    'special_tokens_map.json': '{}',
    'parity.jsonl': jsonl(
      PARITY_TEXTS.map((text) => ({ text, ids: expectedIds(text), logits: expectedLogits(expectedIds(text)) })),
    ),
    'evaluation.jsonl': jsonl(EVALUATION_ROWS),
    'checkpoint/model.safetensors': 'no real weights are needed here',
    ...options.files,
  }
  const files: Manifest['files'] = {}
  for (const [file, content] of Object.entries(contents)) {
    if (content === undefined) continue
    const bytes = Buffer.from(content)
    mkdirSync(dirname(join(directory, file)), { recursive: true })
    writeFileSync(join(directory, file), bytes)
    files[file] = { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length }
  }
  const manifest: Manifest = {
    schemaVersion: 1,
    version,
    labels: LABELS,
    maxLength: MAX_LENGTH,
    files,
    inputs: {},
    base: { uri: 'file:///tiny', digest: `sha256:${'0'.repeat(64)}` },
    trainer: {
      version: '0',
      torch: '0',
      transformers: '0',
      onnxruntime: '0',
      device: 'cpu',
      threads: 1,
      attention: 'none',
      precision: 'fp32',
    },
    metrics: {},
    samples: [],
  }
  const text = JSON.stringify(options.manifest?.(manifest) ?? manifest, null, 2)
  writeFileSync(join(directory, 'manifest.json'), text)
  return { directory, version, digest: `sha256:${createHash('sha256').update(text).digest('hex')}` }
}
