import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { inject } from 'vitest'
import { parse } from 'yaml'

type Json = Record<string, unknown>
export interface Answer<T = Json> {
  readonly status: number
  /** The object, or the Status that says why not. */
  readonly body: T & { readonly message?: string }
}

const root = join(import.meta.dirname, '..', '..', '..')
const GROUP = '/apis/valence.dev/v1alpha1'
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const ESTABLISH_TIMEOUT_MS = 30_000

/** The plain HTTP API of the shared API server, so that a test sees exactly what it answers. */
export async function connect() {
  const { url, caPath, tokens } = inject('apiServer')
  const dispatcher = new Agent({ connect: { ca: await readFile(caPath, 'utf8') } })
  const send = async (
    method: 'GET' | 'POST' | 'PATCH',
    path: string,
    body?: object,
    contentType = 'application/json',
  ) => {
    const response = await request(`${url}${path}`, {
      method,
      dispatcher,
      headers: { authorization: `Bearer ${tokens.admin}`, 'content-type': contentType },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.body.text()
    // A path that is not served yet is answered in plain text.
    const isJson = String(response.headers['content-type']).includes('json')
    return { status: response.statusCode, body: (isJson ? JSON.parse(text) : { message: text }) as Answer['body'] }
  }
  const collection = (namespace: string, plural: string) => `${GROUP}/namespaces/${namespace}/${plural}`

  /** Applies crds/ as they are in the repository, and waits until the API server serves them. */
  const installCrds = async () => {
    for (const file of await readdir(join(root, 'crds'))) {
      const crd = parse(await readFile(join(root, 'crds', file), 'utf8')) as { metadata: { name: string } }
      const path = `${CRDS}/${crd.metadata.name}`
      const applied = await send('PATCH', `${path}?fieldManager=test&force=true`, crd, 'application/apply-patch+yaml')
      if (applied.status > 201) throw new Error(`${file} was refused: ${JSON.stringify(applied.body)}`)
      const end = Date.now() + ESTABLISH_TIMEOUT_MS
      const plural = crd.metadata.name.split('.')[0] ?? ''
      while ((await send('GET', `${GROUP}/${plural}`)).status !== 200) {
        if (Date.now() > end) throw new Error(`${plural} are not served`)
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
  }
  const createNamespace = async (name: string) => {
    const { status, body } = await send('POST', '/api/v1/namespaces', { metadata: { name } })
    if (status !== 201) throw new Error(JSON.stringify(body))
  }

  return {
    send,
    installCrds,
    createNamespace,
    /** As `kubectl create` does it: an unknown field is an error. */
    create: (namespace: string, plural: string, object: object, dryRun = false) =>
      send('POST', `${collection(namespace, plural)}?fieldValidation=Strict${dryRun ? '&dryRun=All' : ''}`, object),
    /** A merge patch of the object or of its status. */
    patch: (namespace: string, plural: string, name: string, patch: object, subresource = '') =>
      send('PATCH', `${collection(namespace, plural)}/${name}${subresource}`, patch, 'application/merge-patch+json'),
    get: (path: string) => send('GET', path),
    close: () => dispatcher.close(),
  }
}
export type ApiConnection = Awaited<ReturnType<typeof connect>>
