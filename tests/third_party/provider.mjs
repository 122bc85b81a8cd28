// Runs oidc-provider, an external issuer, with one client that can use the client credentials grant. Tokens for
// https://opaque.example are opaque, all others are signed. Prints its URL, and serves until the end of standard input.

import { createServer } from 'node:http'
import Provider from 'oidc-provider'

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
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    // The default policy prints a notice, and nothing reads the standard output any more.
    introspection: { enabled: true, allowedPolicy: (_, client, token) => client.clientId === token.clientId },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'https://api.example',
      getResourceServerInfo: (_, resource) => ({
        scope: 'calls:read calls:write',
        audience: resource,
        accessTokenFormat: resource === 'https://opaque.example' ? 'opaque' : 'jwt',
        accessTokenTTL: 3600,
      }),
    },
  },
})
server.on('request', provider.callback())
console.log(issuer)
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
