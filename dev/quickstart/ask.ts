/** Sends sentences to the model, through the API server as `kubectl port-forward` does it. */
import { spawn } from 'node:child_process'
import { HEADERS, PORTS } from '../../contract/names.ts'

const SENTENCES = [
  'A warm, funny and beautifully acted film.',
  'Two hours of my life that I will never get back.',
  'The plot is thin, but the performances make up for it.',
  'Not even the wonderful music saves this tedious mess.',
]

export interface Answer {
  readonly text: string
  readonly sentiment: string
  readonly score: number
  readonly version: string
}

export async function ask(service: string, env: Readonly<Record<string, string>>): Promise<Answer[]> {
  const forward = spawn('kubectl', ['port-forward', `service/${service}`, `:${String(PORTS.api)}`], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  try {
    const port = await new Promise<string>((resolve, reject) => {
      let said = ''
      const listen = (chunk: Buffer) => {
        said += chunk.toString()
        const found = /127\.0\.0\.1:(\d+) ->/.exec(said)?.[1]
        if (found !== undefined) resolve(found)
      }
      forward.stdout.on('data', listen)
      forward.stderr.on('data', listen)
      forward.once('error', reject)
      forward.once('exit', () => {
        reject(new Error(`kubectl port-forward ended: ${said}`))
      })
    })
    const answers: Answer[] = []
    for (const text of SENTENCES) {
      const response = await fetch(`http://127.0.0.1:${port}/predict`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text }),
        signal: AbortSignal.timeout(30_000),
      })
      if (!response.ok) throw new Error(`POST /predict answered ${String(response.status)}: ${await response.text()}`)
      const { sentiment, score } = (await response.json()) as Answer
      answers.push({ text, sentiment, score, version: response.headers.get(HEADERS.modelVersion) ?? 'unknown' })
    }
    return answers
  } finally {
    forward.kill()
  }
}
