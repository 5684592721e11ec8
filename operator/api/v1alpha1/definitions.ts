/** The CustomResourceDefinitions of this API version: names and columns. */
import { customResourceDefinition } from '../crd.ts'
import { MODEL_VERSION_KIND, modelVersion } from './model-version.ts'
import { SENTIMENT_MODEL_KIND, sentimentModel } from './sentiment-model.ts'

export const definitions = [
  customResourceDefinition(
    sentimentModel,
    { kind: SENTIMENT_MODEL_KIND, plural: 'sentimentmodels', singular: 'sentimentmodel', shortName: 'sm' },
    [
      { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'Where the model is.' },
      { name: 'Stable', type: 'string', jsonPath: '.status.stable.version', description: 'The version that answers.' },
      {
        name: 'Candidate',
        type: 'string',
        jsonPath: '.status.candidate.version',
        description: 'The version on its way.',
      },
      {
        name: 'Weight',
        type: 'number',
        jsonPath: '.status.weight',
        description: 'Percent of requests that the version on its way gets.',
      },
      {
        name: 'Verdict',
        type: 'string',
        jsonPath: '.status.verdict',
        description: 'What the evidence of the canary says.',
      },
      {
        name: 'Accuracy',
        type: 'number',
        jsonPath: '.status.stable.accuracy',
        description: 'Accuracy of the stable version on its evaluation rows.',
      },
      {
        name: 'Training',
        type: 'number',
        jsonPath: '.status.training.progress',
        description: 'Share of the training steps that are done, while a run is in progress.',
      },
      {
        name: 'Blocked',
        type: 'string',
        jsonPath: '.status.blocked.reason',
        description: 'What progress waits for.',
        priority: 1,
      },
    ],
    {
      specReplicasPath: '.spec.serving.replicas',
      statusReplicasPath: '.status.stable.replicas',
      labelSelectorPath: '.status.stable.selector',
    },
  ),
  customResourceDefinition(
    modelVersion,
    { kind: MODEL_VERSION_KIND, plural: 'modelversions', singular: 'modelversion', shortName: 'mv' },
    [
      { name: 'Model', type: 'string', jsonPath: '.spec.model', description: 'The SentimentModel.' },
      { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'Where the version is.' },
      {
        name: 'Accuracy',
        type: 'number',
        jsonPath: '.status.accuracy',
        description: 'Accuracy on the evaluation rows in the chosen precision.',
      },
      { name: 'Precision', type: 'string', jsonPath: '.status.precision', description: 'The weights to serve.' },
      {
        name: 'Attempt',
        type: 'integer',
        jsonPath: '.status.attempts[-1:].number',
        description: 'Number of the latest attempt.',
      },
    ],
  ),
]
