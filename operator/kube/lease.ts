import type { Logger } from 'pino'
import { type Clock, withDeadline } from '../runtime/clock.ts'
import { isAlreadyExists, isConflict } from './api-error.ts'
import type { KubeClient } from './client.ts'
import type { KubeMetrics } from './metrics.ts'
import type { Live } from './object.ts'
import { type Lease, leases } from './resource.ts'

export interface LeaderElectionOptions {
  /** One without `permitWrite`: the lease is also written by those who do not lead. */
  client: Pick<KubeClient, 'get' | 'create' | 'replace'>
  namespace: string
  name: string
  /** Unique to this process: the pod's name and something random. */
  identity: string
  /** 15 s: how long after the last renewal another may take over. */
  leaseDurationMs?: number
  /** 10 s: how long the holder goes on trying to renew before it stops to lead. Shorter than the lease, or two lead at once. */
  renewDeadlineMs?: number
  /** 2 s between two tries. */
  retryPeriodMs?: number
  clock: Clock
  log: Logger
  metrics: KubeMetrics
}

export class NotLeaderError extends Error {
  override readonly name = 'NotLeaderError'
  readonly code = 'NOT_LEADER'
}

/**
 * Leader election as client-go does it, on one Lease.
 *
 * Guarantee: as long as clocks run at the same speed (not: show the same time), no two processes have a permit at once. A candidate
 * takes over only after it has itself seen the lease unchanged for the whole lease duration; the holder gives up after the shorter renew
 * deadline, counted from before the request that renewed it. `permit` checks that time anew at each call, so a process that was suspended
 * has no permit when it wakes. What is in flight at that moment is aborted, but the server may still do it: writes carry preconditions.
 */
export class LeaderElection {
  readonly #options: Required<LeaderElectionOptions>
  readonly #acquired = Promise.withResolvers<undefined>()
  #leading: { renewedAt: number; abort: AbortController } | undefined
  /** The lease as it was seen last, and when it was first seen so. */
  #observed: { lease: Live<Lease>; since: number } | undefined

  constructor(options: LeaderElectionOptions) {
    this.#options = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000, ...options }
    const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = this.#options
    if (!(leaseDurationMs > renewDeadlineMs && renewDeadlineMs > retryPeriodMs))
      throw new RangeError(
        `leader election needs lease duration > renew deadline > retry period, but they are ${leaseDurationMs}, ${renewDeadlineMs} and ${retryPeriodMs} ms`,
      )
    this.#report()
  }

  get isLeader(): boolean {
    return this.#leading !== undefined && this.#sinceRenewal(this.#leading) < this.#options.renewDeadlineMs
  }

  /** Who holds the lease, as far as is known. */
  get holder(): string | undefined {
    return this.#observed?.lease.spec?.holderIdentity ?? undefined
  }

  /** Resolves when this process leads. */
  acquired(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason as Error)
      if (signal.aborted) abort()
      signal.addEventListener('abort', abort, { once: true })
      void this.#acquired.promise.then(() => {
        signal.removeEventListener('abort', abort)
        resolve()
      })
    })
  }

  /** For `permitWrite` of the client: throws NotLeaderError unless this process leads now; the signal is aborted when it ceases to. */
  permit(): AbortSignal {
    if (!this.#leading || !this.isLeader) throw new NotLeaderError(`${this.#options.identity} does not hold the lease`)
    return this.#leading.abort.signal
  }

  /** Resolves after the signal: the lease is then given back. Rejects with NotLeaderError when it held the lease and lost it. */
  async run(signal: AbortSignal): Promise<void> {
    const { identity, clock, log, retryPeriodMs } = this.#options
    try {
      while (!(await this.#try(signal))) await clock.sleep(retryPeriodMs * (1 + 0.2 * Math.random()), signal)
      log.info({ identity }, 'lease acquired')
      this.#report()
      this.#acquired.resolve(undefined)
      await this.#keep(signal)
    } catch (error) {
      if (!signal.aborted) {
        this.#stopLeading(error)
        throw error
      }
    }
    await this.#release()
  }

  /** Renews until it fails for too long. */
  async #keep(signal: AbortSignal): Promise<void> {
    const { clock, retryPeriodMs, renewDeadlineMs, identity } = this.#options
    for (;;) {
      await clock.sleep(retryPeriodMs, signal)
      const left = renewDeadlineMs - (this.#leading ? this.#sinceRenewal(this.#leading) : Infinity)
      const lost = () =>
        new NotLeaderError(`${identity} has lost the lease: it was not renewed within ${renewDeadlineMs} ms`)
      if (left <= 0) throw lost()
      const isHeld = await withDeadline({ clock, ms: left, expired: lost, signal }, (deadline) => this.#try(deadline))
      const holder = this.holder
      if (!isHeld && holder !== identity)
        throw new NotLeaderError(`${identity} has lost the lease to ${holder ?? 'nobody'}`)
    }
  }

  /** One try to acquire or renew. An error counts as a failed try. */
  async #try(signal: AbortSignal): Promise<boolean> {
    const { client, namespace, name, identity, clock, log, renewDeadlineMs } = this.#options
    // Before the request: others count from when the server wrote it, which is later.
    const begin = clock.monotonic()
    try {
      return await withDeadline(
        { clock, ms: renewDeadlineMs, expired: () => new Error(`no answer within ${renewDeadlineMs} ms`), signal },
        async (deadline) => {
          const current = await client.get(leases, namespace, name, deadline)
          if (current) this.#observe(current)
          if (current && !this.#mayTake(current)) return false
          const written = current
            ? await client.replace(leases, { ...current, spec: this.#spec(current) }, deadline)
            : await client.create(leases, { metadata: { namespace, name }, spec: this.#spec() }, {}, deadline)
          this.#observe(written)
          this.#leading = { renewedAt: begin, abort: this.#leading?.abort ?? new AbortController() }
          return true
        },
      )
    } catch (error) {
      if (signal.aborted) throw error
      if (!isConflict(error) && !isAlreadyExists(error))
        log.warn({ err: error, identity }, 'the lease could not be written')
      return false
    }
  }

  #observe(lease: Live<Lease>): void {
    if (lease.metadata.resourceVersion === this.#observed?.lease.metadata.resourceVersion) return
    this.#observed = { lease, since: this.#options.clock.monotonic() }
  }

  #mayTake({ spec }: Live<Lease>): boolean {
    const { identity, clock, leaseDurationMs } = this.#options
    const holder = spec?.holderIdentity
    if (holder === identity || holder === undefined || holder === '') return true
    // The holder's own word about its duration counts, should the settings differ between versions.
    const duration = Math.max((spec?.leaseDurationSeconds ?? 0) * 1000, leaseDurationMs)
    return this.#observed !== undefined && clock.monotonic() - this.#observed.since > duration
  }

  #spec(current?: Live<Lease>): NonNullable<Lease['spec']> {
    const { identity, clock, leaseDurationMs } = this.#options
    const now = microTime(clock.now())
    const isOurs = current?.spec?.holderIdentity === identity
    const transitions = current?.spec?.leaseTransitions ?? 0
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
      acquireTime: (isOurs ? current.spec?.acquireTime : undefined) ?? now,
      renewTime: now,
      leaseTransitions: current && !isOurs ? transitions + 1 : transitions,
    }
  }

  #sinceRenewal({ renewedAt }: { renewedAt: number }): number {
    return this.#options.clock.monotonic() - renewedAt
  }

  #stopLeading(reason: unknown): void {
    this.#leading?.abort.abort(reason)
    this.#leading = undefined
    this.#report()
  }

  /** So that the next one need not wait for the lease to run out. */
  async #release(): Promise<void> {
    const { client, clock, log, identity, retryPeriodMs } = this.#options
    const lease = this.#observed?.lease
    if (!this.#leading || !lease) return
    this.#stopLeading(new NotLeaderError(`${identity} gives the lease back`))
    if (lease.spec?.holderIdentity !== identity) return
    const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(clock.now()) }
    const expired = () => new Error(`no answer within ${retryPeriodMs} ms`)
    try {
      await withDeadline({ clock, ms: retryPeriodMs, expired }, (signal) =>
        client.replace(leases, { ...lease, spec }, signal),
      )
      log.info({ identity }, 'lease given back')
    } catch (err) {
      log.warn({ err, identity }, 'the lease could not be given back: it has to run out')
    }
  }

  #report(): void {
    this.#options.metrics.leader.set({ name: this.#options.name }, this.isLeader ? 1 : 0)
  }
}

/** The API's MicroTime: it refuses other precisions. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z')
}
