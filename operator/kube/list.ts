import { isApiError } from './api-error.ts'
import type { KubeObject, Live } from './object.ts'
import { apiVersionOf, pathOf, type Resource } from './resource.ts'
import type { Transport } from './transport.ts'

export interface ListOptions {
  namespace?: string | undefined
  labelSelector?: string
  fieldSelector?: string
}

interface Page<T extends KubeObject> {
  metadata: { resourceVersion: string; continue?: string }
  items: (T & { metadata: Live<T>['metadata'] })[] | null
}

/**
 * Everything, in pages that all show the same moment.
 *
 * No `resourceVersion` is sent: the server then answers with what is in etcd now (since 1.31 from its cache, once that has caught up), so
 * that a list never goes back in time, as one with `resourceVersion=0` may after a fail-over.
 */
export async function listAll<T extends KubeObject>(
  transport: Transport,
  resource: Resource<T>,
  { namespace, labelSelector, fieldSelector, pageSize }: ListOptions & { pageSize: number },
  signal?: AbortSignal,
): Promise<{ items: Live<T>[]; resourceVersion: string }> {
  const path = pathOf(resource, { namespace })
  const kind = { apiVersion: apiVersionOf(resource), kind: resource.kind }
  const items: Live<T>[] = []
  let limit: number | undefined = pageSize
  let next: string | undefined
  for (;;) {
    let page: Page<T>
    try {
      const query = { labelSelector, fieldSelector, limit, continue: next }
      page = (await transport.request({ method: 'GET', path, query, signal })) as Page<T>
    } catch (error) {
      // The moment that the pages show is forgotten by now. Paging on from another one would miss objects: take all at once.
      if (next === undefined || !(isApiError(error, 'Expired') || isApiError(error, 'Gone'))) throw error
      items.length = 0
      limit = next = undefined
      continue
    }
    // The items of a list carry neither.
    for (const item of page.items ?? []) items.push({ ...item, ...kind })
    next = page.metadata.continue
    if (next === undefined || next === '') return { items, resourceVersion: page.metadata.resourceVersion }
  }
}
