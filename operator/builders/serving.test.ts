/** What serves one version: Deployment, Services, budget, routing file, ServiceMonitor; and the claim that its artifact is on. */
import { describe, expect, test } from 'vitest'
import { DIGEST, modelOf } from '../plan/testing/factories.ts'
import { buildClaim } from './claim.ts'
import { buildDeployment } from './deployment.ts'
import { buildDisruptionBudget } from './disruption-budget.ts'
import { ownedBy } from './metadata.ts'
import { buildRouting, readRouting } from './routing.ts'
import { buildServiceMonitor } from './service-monitor.ts'
import { buildFrontService, buildVersionService } from './service.ts'

const version = 'reviews-0123456789'
const deployed = { version, digest: DIGEST, precision: 'int8' as const, replicas: 1 }
const deploymentOf = (change: object = {}) =>
  buildDeployment({
    model: modelOf({ ...change }),
    deployed,
    image: 'server:1',
    imagePullPolicy: 'IfNotPresent',
    claimName: 'reviews-artifacts',
  })

const labels = {
  'app.kubernetes.io/managed-by': 'valence',
  'app.kubernetes.io/name': 'valence',
  'app.kubernetes.io/component': 'server',
  'valence.dev/model': 'reviews',
}
const selector = {
  'valence.dev/model': 'reviews',
  'valence.dev/version': version,
  'app.kubernetes.io/component': 'server',
}
const ownerReferences = [
  {
    apiVersion: 'valence.dev/v1alpha1',
    kind: 'SentimentModel',
    name: 'reviews',
    uid: 'model-uid',
    controller: true,
    blockOwnerDeletion: true,
  },
]
const metadataOf = (name: string, versionLabel: object = { 'valence.dev/version': version }) => ({
  name,
  namespace: 'shop',
  labels: { ...labels, ...versionLabel },
  ownerReferences,
})

test('a Deployment, as a whole', () => {
  const get = (path: string) => ({ httpGet: { path, port: 'http' } })
  expect(deploymentOf()).toEqual({
    metadata: metadataOf(version),
    spec: {
      replicas: 1,
      selector: { matchLabels: selector },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels: { ...labels, 'valence.dev/version': version } },
        spec: {
          affinity: {
            podAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [
                {
                  topologyKey: 'kubernetes.io/hostname',
                  labelSelector: { matchLabels: { 'valence.dev/model': 'reviews' } },
                },
              ],
            },
          },
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65532,
            runAsGroup: 65532,
            fsGroup: 65532,
            fsGroupChangePolicy: 'OnRootMismatch',
            seccompProfile: { type: 'RuntimeDefault' },
          },
          terminationGracePeriodSeconds: 60,
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'kubernetes.io/hostname',
              whenUnsatisfiable: 'ScheduleAnyway',
              labelSelector: { matchLabels: selector },
            },
          ],
          containers: [
            {
              name: 'server',
              image: 'server:1',
              imagePullPolicy: 'IfNotPresent',
              env: [
                { name: 'ARTIFACT_DIR', value: `/var/lib/valence/artifacts/${version}` },
                { name: 'EXPECTED_DIGEST', value: DIGEST },
                { name: 'PRECISION', value: 'int8' },
                { name: 'MODEL_NAME', value: 'reviews' },
                { name: 'ROUTING_FILE', value: '/etc/valence/routing/routing.json' },
              ],
              ports: [
                { name: 'http', containerPort: 8000 },
                { name: 'metrics', containerPort: 8001 },
              ],
              resources: { requests: { cpu: '500m', memory: '512Mi' }, limits: { cpu: '2', memory: '2Gi' } },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              startupProbe: { ...get('/readyz'), periodSeconds: 1, failureThreshold: 600, timeoutSeconds: 2 },
              readinessProbe: { ...get('/readyz'), periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 2 },
              livenessProbe: { ...get('/healthz'), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
              volumeMounts: [
                {
                  name: 'artifacts',
                  mountPath: `/var/lib/valence/artifacts/${version}`,
                  subPath: version,
                  readOnly: true,
                },
                { name: 'routing', mountPath: '/etc/valence/routing', readOnly: true },
                { name: 'scratch', mountPath: '/tmp' },
              ],
            },
          ],
          volumes: [
            { name: 'artifacts', persistentVolumeClaim: { claimName: 'reviews-artifacts', readOnly: true } },
            { name: 'routing', configMap: { name: 'reviews-routing' } },
            { name: 'scratch', emptyDir: {} },
          ],
        },
      },
    },
  })
})

test('placement and resources of a Deployment are those of the spec', () => {
  const serving = {
    nodeSelector: { disk: 'fast' },
    tolerations: [{ key: 'spot', operator: 'Exists' }],
    resources: { requests: { cpu: 1 }, limits: { memory: '4Gi' } },
  }
  const { spec } = deploymentOf({ serving })
  expect(spec?.template.spec).toMatchObject({
    nodeSelector: { disk: 'fast' },
    tolerations: [{ key: 'spot', operator: 'Exists' }],
    containers: [{ resources: { requests: { cpu: '1' }, limits: { memory: '4Gi' } } }],
  })
})

test('a default never contradicts what the user gives for the same resource', () => {
  const { spec } = deploymentOf({ serving: { resources: { requests: { memory: '4Gi' } } } })
  expect(spec?.template.spec?.containers[0]?.resources).toEqual({
    requests: { cpu: '500m', memory: '4Gi' },
    limits: { cpu: '2' },
  })
})

test('pods of a model keep to one node unless its claim can be mounted on many', () => {
  const affinityOf = (storage: object) => deploymentOf({ storage }).spec?.template.spec?.affinity
  expect(affinityOf({ size: '1Gi' })).toBeDefined()
  expect(affinityOf({ size: '1Gi', accessModes: ['ReadWriteMany'] })).toBeUndefined()
  expect(affinityOf({ claimName: 'shared' })).toBeUndefined()
})

describe('a Service', () => {
  const spec = {
    type: 'ClusterIP',
    selector,
    ports: [
      { name: 'http', port: 8000, targetPort: 'http', protocol: 'TCP' },
      { name: 'metrics', port: 8001, targetPort: 'metrics', protocol: 'TCP' },
    ],
  }
  test('of the model keeps its name for life and selects the stable version', () => {
    expect(buildFrontService(modelOf(), version)).toEqual({ metadata: metadataOf('reviews', {}), spec })
  })
  test('of a version has its name and selects the same pods', () => {
    expect(buildVersionService(modelOf(), version)).toEqual({ metadata: metadataOf(version), spec })
  })
})

test('a drained node takes one pod of a version at a time', () => {
  expect(buildDisruptionBudget(modelOf(), version)).toEqual({
    metadata: metadataOf(version),
    spec: { maxUnavailable: 1, selector: { matchLabels: selector } },
  })
})

describe('the routing file', () => {
  const routing = {
    epoch: 3,
    stable: version,
    perMille: 0,
    shadowPerMille: 0,
    candidateTimeoutMs: 1000,
    endpoints: { [version]: 'http://x:8000' },
  }
  test('is read back as it was written', () => {
    const configMap = buildRouting(modelOf(), routing)
    expect(configMap.metadata).toEqual(metadataOf('reviews-routing', {}))
    expect(readRouting(configMap)).toEqual(routing)
  })
  test.each([undefined, '', 'broken', '{}', '{"epoch": -1}'])('that holds %j counts as none', (text) => {
    const data = text === undefined ? {} : { 'routing.json': text }
    expect(readRouting({ metadata: { name: 'x' }, data })).toBeUndefined()
  })
})

test('a ServiceMonitor scrapes the Services of the versions, not the front one: its pods would be counted twice', () => {
  const { metadata, spec } = buildServiceMonitor(modelOf())
  expect(metadata).toEqual(metadataOf('reviews', {}))
  expect(spec.selector).toEqual({
    matchLabels: { 'valence.dev/model': 'reviews' },
    matchExpressions: [{ key: 'valence.dev/version', operator: 'Exists' }],
  })
  expect(buildFrontService(modelOf(), version).metadata.labels).not.toHaveProperty(['valence.dev/version'])
  expect(buildVersionService(modelOf(), version).metadata.labels).toHaveProperty(['valence.dev/version'])
})

describe('the claim for the artifacts', () => {
  test('is ReadWriteOnce, of the default class, unless the spec says otherwise', () => {
    expect(buildClaim(modelOf(), 'reviews-artifacts').spec).toEqual({
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '10Gi' } },
    })
    const storage = { size: '1Gi', storageClassName: 'nfs', accessModes: ['ReadWriteMany'] }
    expect(buildClaim(modelOf({ storage }), 'reviews-artifacts').spec).toEqual({
      accessModes: ['ReadWriteMany'],
      storageClassName: 'nfs',
      resources: { requests: { storage: '1Gi' } },
    })
  })
})

test('only an object that the API server gave can own another', () => {
  const model = modelOf()
  const { uid: _uid, ...metadata } = model.metadata
  expect(() => ownedBy({ ...model, metadata: { ...metadata, uid: undefined } })).toThrow(
    'SentimentModel reviews has no uid',
  )
})
