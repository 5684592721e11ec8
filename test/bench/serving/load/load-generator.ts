import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { AskedText, FromGenerator, Step, StepResult, ToGenerator } from './protocol.ts'

export interface LoadGenerator {
  run(step: Step): Promise<StepResult>
  close(): Promise<void>
}

export async function startLoadGenerator(texts: AskedText[]): Promise<LoadGenerator> {
  const child = fork(fileURLToPath(new URL('generator.ts', import.meta.url)), { serialization: 'advanced' })
  const exited = once(child, 'exit')
  async function ask(message: ToGenerator): Promise<FromGenerator> {
    const answer = once(child, 'message') as Promise<[FromGenerator]>
    child.send(message)
    const gone = exited.then((): never => {
      throw new Error('the load generator has ended: see its message above')
    })
    const [result] = await Promise.race([answer, gone])
    return result
  }
  await ask({ kind: 'texts', texts })
  return {
    async run(step) {
      const message = await ask({ kind: 'step', step })
      if (message.kind !== 'done')
        throw new Error(`the load generator ${message.kind === 'failed' ? message.reason : 'did not run the step'}`)
      return message.result
    },
    async close() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
