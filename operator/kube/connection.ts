import type { Dispatcher } from 'undici'

/** The way to one API server: where it is, and who we are. */
export interface Connection {
  readonly server: URL
  /** The namespace that this process runs in, or the context's; undefined where neither says. */
  readonly namespace: string | undefined
  /** For requests that end. */
  requests(): Promise<Dispatcher>
  /** For watches. */
  watches(): Promise<Dispatcher>
  /** Credentials of a request, fresh: a token file is read again, an exec plugin asked again, when due. */
  headers(): Promise<Record<string, string>>
  close(): Promise<void>
}

/** KUBECONFIG or ~/.kube/config (with `context`, if given), otherwise the pod's service account. */
export declare function connect(options?: { context?: string }): Connection
