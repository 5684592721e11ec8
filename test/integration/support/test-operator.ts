/** The operator in this process, on a connection that a test may watch and cut. */
import { type Logger, pino } from 'pino'
import { Registry } from 'prom-client'
import type { Dispatcher } from 'undici'
import type { ReadEvidence } from '../../../operator/controllers/evidence.ts'
import type { AskService } from '../../../operator/controllers/rehearsal.ts'
import type { Connection } from '../../../operator/kube/connection.ts'
import { runOperator } from '../../../operator/operator.ts'
import type { ManagerResult } from '../../../operator/runtime/manager.ts'
import { testClient } from './kube-test-client.ts'

export interface Write {
  method: string
  path: string
}

export interface TestOperator {
  /** Writes of objects, without the lease and the events. */
  writes: Write[]
  registry: Registry
  /** Resolves when it has ended by itself or was stopped. */
  ended: Promise<ManagerResult>
  stop: () => Promise<ManagerResult>
}

const log: Logger = pino({ level: process.env['LOG_LEVEL'] ?? 'silent' })

export function startOperator(
  kubeconfigPath: string,
  namespaces: string[],
  options: {
    /** One lease for each operator of a test, so that a successor need not wait until the lease of a dead one has run out. */
    leaseName: string
    /** The process dies with this write: it is done, and its answer is never read. */
    diesAtWrite?: number
    readEvidence?: ReadEvidence
    askService?: AskService
  },
): TestOperator {
  const { connection } = testClient(kubeconfigPath)
  const stop = new AbortController()
  const writes: Write[] = []
  const registry = new Registry()
  const watched = watchConnection(connection, (write) => {
    writes.push(write)
    if (writes.length !== options.diesAtWrite) return false
    stop.abort(new Error('killed'))
    return true
  })
  const ended = runOperator(
    {
      config: {
        images: { server: 'server:1', trainer: 'trainer:1' },
        imagePullPolicy: 'IfNotPresent',
        watchNamespaces: namespaces,
        leaseNamespace: 'default',
        leaseName: options.leaseName,
        port: 0,
        logLevel: 'silent',
      },
      instance: options.leaseName,
      registry,
      log,
      connection: watched,
      serviceMonitorIntervalMs: 1_000,
      ...(options.readEvidence && { readEvidence: options.readEvidence }),
      ...(options.askService && { askService: options.askService }),
    },
    stop.signal,
  )
  ended.catch(() => undefined) // told by stop()
  return {
    writes,
    registry,
    ended,
    stop: () => {
      stop.abort(new Error('stopped'))
      return ended
    },
  }
}

class KilledError extends Error {
  override readonly name = 'KilledError'
}

/** Once a write kills, nothing gets through any more. */
function watchConnection(connection: Connection, kills: (write: Write) => boolean): Connection {
  let isDead = false
  return {
    ...connection,
    dispatch: async (use) => {
      const { dispatcher, headers } = await connection.dispatch(use)
      const request = async (options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> => {
        if (isDead) throw new KilledError('the process is dead')
        const { method, path } = options
        const isWrite = method !== 'GET' && !/\/(leases|events)(\/|\?|$)/.test(path)
        if (!isWrite) return dispatcher.request(options)
        isDead = kills({ method, path: path.split('?')[0] ?? '' })
        const response = await dispatcher.request(isDead ? { ...options, signal: null } : options)
        if (!isDead) return response
        await response.body.dump()
        throw new KilledError('the process died before it read the answer')
      }
      const proxy = new Proxy(dispatcher, {
        get: (target, name) => (name === 'request' ? request : (Reflect.get(target, name, target) as unknown)),
      })
      return { dispatcher: proxy, headers }
    },
  }
}
