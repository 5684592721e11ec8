import { z } from 'zod'
import { field } from '../field.ts'

const step = field(
  z.strictObject({
    weight: field(z.number().gt(0).max(100), 'Percent of requests for the new version, to one decimal.', {
      rules: [
        {
          // The nearest tenth is exactly the number that was written, or it had more decimals.
          cel: 'double(int(self * 10.0 + 0.5)) / 10.0 == self',
          message: 'weight must have at most one decimal',
          holds: (weight) => Math.trunc(weight * 10 + 0.5) / 10 === weight,
        },
      ],
    }),
  }),
  'One step of the canary.',
)

export const rollout = field(
  z.strictObject({
    steps: field(
      z.array(step).max(20),
      'Weights of the canary, rising. In this release they are checked and kept, but traffic moves in one switch when the new version is accepted and ready.',
      {
        listType: 'atomic',
        rules: [
          {
            cel: 'self.map(step, step.weight).isSorted() && self.all(step, self.exists_one(other, other.weight == step.weight))',
            message: 'the weights of rollout.steps must rise from step to step',
            holds: (steps) => steps.every((one, index) => index === 0 || one.weight > (steps[index - 1]?.weight ?? 0)),
          },
        ],
      },
    ).default([]),
  }),
  'How traffic moves to a new version.',
)
