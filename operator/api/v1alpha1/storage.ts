import { z } from 'zod'
import { field } from '../field.ts'
import { objectName } from './job.ts'
import { size } from './quantity.ts'

export const storage = field(
  z.strictObject({
    claimName: objectName(
      'storage.claimName',
      'An existing PersistentVolumeClaim of this namespace. It outlives the model.',
    ).optional(),
    size: size(
      'storage.size',
      'Size of a PersistentVolumeClaim that is made for the model and deleted with it.',
    ).optional(),
    storageClassName: objectName(
      'storage.storageClassName',
      "StorageClass of the made claim. Absent: the cluster's default.",
    ).optional(),
    accessModes: field(
      z
        .array(field(z.enum(['ReadWriteOnce', 'ReadWriteMany']), 'An access mode.'))
        .min(1)
        .max(2),
      'Access modes of the made claim. Absent: ReadWriteOnce, which keeps all pods of the model on one node; ReadWriteMany lets them spread.',
      { listType: 'set' },
    ).optional(),
  }),
  'Where artifacts are kept: exactly one of claimName and size. Fixed once the model exists, because the artifacts of all versions are there.',
  {
    mapType: 'atomic',
    rules: [
      {
        cel: 'has(self.claimName) != has(self.size)',
        message: 'storage must have exactly one of claimName and size',
        holds: (value) => (value.claimName === undefined) !== (value.size === undefined),
      },
      {
        cel: 'has(self.size) || !(has(self.storageClassName) || has(self.accessModes))',
        message: 'storage.storageClassName and storage.accessModes need storage.size: an existing claim has its own',
        holds: (value) =>
          value.size !== undefined || (value.storageClassName === undefined && value.accessModes === undefined),
      },
    ],
    transitions: [
      {
        cel: 'self == oldSelf',
        message:
          'storage cannot be changed in place, because the artifacts of all versions are there: create another SentimentModel',
      },
    ],
  },
)
