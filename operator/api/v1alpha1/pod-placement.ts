import { z } from 'zod'
import { field, matches } from '../field.ts'

const labelKey = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/
const labelValue = /^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$/

export const image = field(
  z.string().min(1).max(512),
  'Container image to run instead of the one that the operator was installed with.',
  { rules: [matches(/^[^ \t\r\n]+$/, 'image must be a container image reference without blanks')] },
)

export const nodeSelector = field(
  z.record(z.string(), field(z.string().max(63), 'The value of the node label.')),
  'Labels that a node must have for the pod to run on it.',
  {
    maxProperties: 32,
    rules: [
      {
        cel: `self.all(key, key.matches(${JSON.stringify(labelKey.source)}) && self[key].matches(${JSON.stringify(labelValue.source)}))`,
        message: 'nodeSelector must hold valid label keys and values',
        holds: (selector) =>
          Object.entries(selector).every(([key, value]) => labelKey.test(key) && labelValue.test(value)),
      },
    ],
  },
)

const toleration = field(
  z.strictObject({
    key: field(z.string().min(1).max(316), 'Key of the taint. Absent, with operator Exists: every key.').optional(),
    operator: field(
      z.enum(['Exists', 'Equal']),
      'Exists: whatever the value of the taint. Equal: the value must be equal.',
    ).default('Equal'),
    value: field(z.string().max(63), 'Value of the taint, for operator Equal.').optional(),
    effect: field(
      z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
      'Effect of the taint. Absent: every effect.',
    ).optional(),
    tolerationSeconds: field(
      z.int().min(0).max(2_147_483_647),
      'Seconds that a NoExecute taint is tolerated. Absent: for ever.',
    ).optional(),
  }),
  'A taint that the pod tolerates.',
  {
    rules: [
      {
        cel: 'has(self.key) || self.operator == "Exists"',
        message: 'a toleration without key needs operator Exists',
        holds: (value) => value.key !== undefined || value.operator === 'Exists',
      },
      {
        cel: 'self.operator == "Equal" || !has(self.value)',
        message: 'a toleration with operator Exists must not have a value',
        holds: (value) => value.operator === 'Equal' || value.value === undefined,
      },
      {
        cel: '!has(self.tolerationSeconds) || (has(self.effect) && self.effect == "NoExecute")',
        message: 'tolerationSeconds needs effect NoExecute',
        holds: (value) => value.tolerationSeconds === undefined || value.effect === 'NoExecute',
      },
    ],
  },
)

export const tolerations = field(z.array(toleration).max(32), 'Taints of nodes that the pod tolerates.', {
  listType: 'atomic',
})
