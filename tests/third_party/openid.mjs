// Does the same as oauth.mjs with openid-client: openid.mjs ISSUER METHOD SCOPE.

import * as client from 'openid-client'
import { json } from 'node:stream/consumers'

const [issuer, method, scope] = process.argv.slice(-3)
const { id, secret } = await json(process.stdin)
const authentication = {
  client_secret_basic: client.ClientSecretBasic,
  client_secret_post: client.ClientSecretPost,
}[method](secret)

const config = await client.discovery(new URL(issuer), id, undefined, authentication, {
  algorithm: 'oauth2',
  execute: [client.allowInsecureRequests],
})
const token = await client.clientCredentialsGrant(config, { scope })
const fetchWhoami = () => client.fetchProtectedResource(config, token.access_token, new URL(`${issuer}/whoami`), 'GET')
const whoami = await (await fetchWhoami()).json()
const introspection = await client.tokenIntrospection(config, token.access_token)
await client.tokenRevocation(config, token.access_token)
const status = await fetchWhoami().then((response) => response.status, (error) => error.status)
console.log(JSON.stringify({
  token, whoami, introspection, after: { introspection: await client.tokenIntrospection(config, token.access_token), status },
}))
