import os from 'node:os'
import { pino } from 'pino'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { ConfigError, parseConfig } from './config.ts'
import { runOperator } from './operator.ts'

const EXIT_USAGE = 2

try {
  const config = parseConfig(process.argv.slice(2))
  const log = pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime })
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })

  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort(new Error(`received ${name}`)))

  const instance = process.env['POD_NAME'] ?? os.hostname()
  try {
    const result = await runOperator({ config, instance, registry, log }, stop.signal)
    if (result.exitCode !== 0) log.fatal({ err: result.cause }, result.reason)
    process.exitCode = result.exitCode
  } catch (err) {
    log.fatal({ err }, err instanceof Error ? err.message : 'the operator could not start')
    process.exitCode = 1
  }
} catch (error) {
  if (!(error instanceof ConfigError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = EXIT_USAGE
}
