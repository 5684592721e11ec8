import { z } from 'zod'

/** What this API reads of an object's metadata; the API server owns its schema, so unknown fields pass. */
export const objectMeta = z.looseObject({
  name: z.string(),
  namespace: z.string(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  generation: z.int().optional(),
  creationTimestamp: z.string().optional(),
  deletionTimestamp: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  finalizers: z.array(z.string()).optional(),
  managedFields: z
    .array(
      z.looseObject({
        manager: z.string().optional(),
        time: z.string().optional(),
        fieldsV1: z.record(z.string(), z.unknown()).optional(),
      }),
    )
    .optional(),
  ownerReferences: z
    .array(
      z.looseObject({
        apiVersion: z.string(),
        kind: z.string(),
        name: z.string(),
        uid: z.string(),
        controller: z.boolean().optional(),
        blockOwnerDeletion: z.boolean().optional(),
      }),
    )
    .optional(),
})
export type ObjectMeta = z.infer<typeof objectMeta>
