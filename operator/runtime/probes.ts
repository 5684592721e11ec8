import type { Registry } from 'prom-client'

/** Throws, or rejects, with what is wrong. */
export type Check = () => void | Promise<void>

export interface ProbeServer {
  /** Resolves when it listens. */
  start(): Promise<{ port: number }>
  close(): Promise<void>
}

export declare function createProbeServer(options: {
  /** 0 picks a free one. */
  port: number
  host?: string
  registry: Registry
  /** Failing means: restart this process. */
  healthChecks?: Record<string, Check>
  /** Failing means: this process is not (yet) of use. */
  readyChecks?: Record<string, Check>
}): ProbeServer
