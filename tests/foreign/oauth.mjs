// Gets and uses a token with oauth4webapi: oauth.mjs ISSUER METHOD SCOPE.
// METHOD is client_secret_basic or client_secret_post; standard input: {"id": ..., "secret": ...}.
// Everything else is discovered (RFC 8414). Prints {"token": ..., "whoami": ...}.

import * as oauth from 'oauth4webapi'
import { json } from 'node:stream/consumers'

const [issuer, method, scope] = process.argv.slice(-3)
const { id, secret } = await json(process.stdin)
const options = { [oauth.allowInsecureRequests]: true }

const url = new URL(issuer)
const discovery = await oauth.discoveryRequest(url, { ...options, algorithm: 'oauth2' })
const server = await oauth.processDiscoveryResponse(url, discovery)
if (!server.token_endpoint_auth_methods_supported.includes(method)) throw new Error(`not offered: ${method}`)

const client = { client_id: id }
const authentication = {
  client_secret_basic: oauth.ClientSecretBasic,
  client_secret_post: oauth.ClientSecretPost,
}[method](secret)
const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, { scope }, options)
const token = await oauth.processClientCredentialsResponse(server, client, response)

const whoami = await oauth.protectedResourceRequest(
  token.access_token, 'GET', new URL('/whoami', url), undefined, undefined, options)
console.log(JSON.stringify({ token, whoami: await whoami.json() }))
