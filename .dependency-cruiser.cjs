// Imports go down only: docs/design/architecture.md says why. Test files may look anywhere inside their own part.
const test = '[.]test[.]ts$|/testing/'
const only = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: `^${from}/`, pathNot: test },
  to: { path: '^(contract|operator|server|test|dev)/', pathNot: [from, ...allowed].map((path) => `^${path}`) },
})

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    only('contract-imports-nothing', 'contract', []),
    only('api-imports-contract', 'operator/api', ['contract']),
    only('plan-imports-api', 'operator/plan', ['operator/api', 'contract']),
    // Of kube/ only the types of the objects that they build.
    only('builders-import-plan', 'operator/builders', [
      'operator/plan',
      'operator/api',
      'operator/kube/(object|resource)[.]ts$',
      'contract',
    ]),
    only('runtime-imports-nothing', 'operator/runtime', []),
    only('kube-knows-no-model', 'operator/kube', ['operator/runtime/(clock|backoff)[.]ts$']),
    only('operator-never-opens-a-model', 'operator', ['contract']),
    only('server-knows-no-kubernetes', 'server', ['contract']),
    {
      name: 'inference-knows-no-http',
      severity: 'error',
      from: { path: '^server/inference/' },
      to: { path: 'node_modules/(@fastify|fastify)' },
    },
    {
      name: 'plan-is-pure',
      severity: 'error',
      from: { path: '^operator/(plan|builders)/', pathNot: test },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    {
      name: 'server-no-client-node',
      severity: 'error',
      from: { path: '^server/' },
      to: { path: 'node_modules/@kubernetes' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
  },
}
