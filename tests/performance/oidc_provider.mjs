// Runs oidc-provider with one client that can use the client credentials grant, and signed tokens of four scopes. Prints its
// URL, and serves until it is killed. Arguments: the folder of oidc-provider's node_modules, and the algorithm.

import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'

const [, , folder, alg] = process.argv
const { default: Provider } = await import(`${folder}/node_modules/oidc-provider/lib/index.js`)
const generated = {
  EdDSA: () => generateKeyPairSync('ed25519'),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
}[alg]()
const key = { ...generated.privateKey.export({ format: 'jwk' }), use: 'sig', kid: '1', alg }
// Its own id tokens need RS256, also where access tokens use another algorithm.
const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })
const keys = alg === 'RS256' ? [key] : [key, { ...other, use: 'sig', kid: '2', alg: 'RS256' }]

const server = createServer()
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const issuer = `http://127.0.0.1:${server.address().port}`
const provider = new Provider(issuer, {
  clients: [{
    client_id: 'worker',
    client_secret: 'worker-secret',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_basic',
  }],
  jwks: { keys },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'https://api.example',
      getResourceServerInfo: (_, resource) => ({
        scope: 'calls:read calls:write campaigns:read agents:read',
        audience: resource,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 3600,
        jwt: { sign: { alg } },
      }),
    },
  },
})
server.on('request', provider.callback())
console.log(issuer)
