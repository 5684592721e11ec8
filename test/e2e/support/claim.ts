/** What is on the claim with the quickstart's data, as a pod sees it. */
import { pods } from '../../../operator/kube/resource.ts'
import type { Cluster } from './cluster.ts'
import { assert, eventually } from './eventually.ts'

export async function claimContent({ client, namespace, serverImage }: Cluster): Promise<string[]> {
  const pod = await client.create(pods, {
    metadata: { name: 'claim-content', namespace },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65532,
        fsGroup: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'list',
          image: serverImage,
          command: ['ls', '-A', '/data'],
          resources: { requests: { cpu: '50m' }, limits: { memory: '64Mi' } },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          volumeMounts: [{ name: 'data', mountPath: '/data', readOnly: true }],
        },
      ],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'quickstart-data' } }],
    },
  })
  try {
    await eventually('the claim is listed', 60, async () => {
      const live = await client.get(pods, namespace, pod.metadata.name)
      assert(live?.status?.phase === 'Succeeded', () => JSON.stringify(live?.status))
    })
    const log = await client.podLogs(pod, { container: 'list' })
    return log.split('\n').filter((line) => line !== '' && line !== 'lost+found')
  } finally {
    await client.delete(pods, namespace, pod.metadata.name, { preconditions: { uid: pod.metadata.uid } })
  }
}
