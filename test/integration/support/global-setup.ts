import type { TestProject } from 'vitest/node'
import { startApiServer } from './api-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** `inject('kubeconfig')`: the path of the admin's kubeconfig of the API server that all integration files share. */
    kubeconfig: string
    apiServer: { url: string; caPath: string; tokens: Record<'admin' | 'limited', string> }
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { kubeconfigPath, url, caPath, tokens, stop } = await startApiServer()
  project.provide('kubeconfig', kubeconfigPath)
  project.provide('apiServer', { url, caPath, tokens })
  return stop
}
