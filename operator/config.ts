import { parseArgs } from 'node:util'
import { z } from 'zod'

const flags = z.strictObject({
  'server-image': z.string().min(1),
  'trainer-image': z.string().min(1),
  'image-pull-policy': z.enum(['IfNotPresent', 'Always', 'Never']).default('IfNotPresent'),
  'watch-namespace': z.array(z.string().min(1)).default([]),
  'lease-namespace': z.string().min(1).optional(),
  'lease-name': z.string().min(1).default('valence-operator'),
  port: z.coerce.number().int().min(0).max(65535).default(8080),
  'log-level': z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
})

export interface OperatorConfig {
  images: { server: string; trainer: string }
  imagePullPolicy: string
  /** Empty: all namespaces. */
  watchNamespaces: string[]
  leaseNamespace: string | undefined
  leaseName: string
  port: number
  logLevel: string
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'CONFIG_INVALID'
}

/** The command line; a wrong flag is refused at start with a sentence that names it. */
export function parseConfig(args: readonly string[]): OperatorConfig {
  const string = { type: 'string' } as const
  const { values } = readFlags(args, {
    'server-image': string,
    'trainer-image': string,
    'image-pull-policy': string,
    'watch-namespace': { type: 'string', multiple: true },
    'lease-namespace': string,
    'lease-name': string,
    port: string,
    'log-level': string,
  })
  const parsed = flags.safeParse(values)
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => `--${issue.path.join('.')}: ${issue.message}`)
    throw new ConfigError(`the operator's flags are wrong: ${issues.join('; ')}`)
  }
  const found = parsed.data
  return {
    images: { server: found['server-image'], trainer: found['trainer-image'] },
    imagePullPolicy: found['image-pull-policy'],
    watchNamespaces: [...new Set(found['watch-namespace'])],
    leaseNamespace: found['lease-namespace'],
    leaseName: found['lease-name'],
    port: found.port,
    logLevel: found['log-level'],
  }
}

function readFlags(args: readonly string[], options: NonNullable<Parameters<typeof parseArgs>[0]>['options'] & object) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false })
  } catch (cause) {
    throw new ConfigError(`the operator's flags are wrong: ${(cause as Error).message}`, { cause })
  }
}
