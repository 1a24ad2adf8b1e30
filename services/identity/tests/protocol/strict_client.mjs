// A client that believes nothing: panva's oauth4webapi drives the whole server.
// node strict_client.mjs ISSUER SECRET REDIRECT_URI USERNAME PASSWORD PRIVATE_JWK ; one line of JSON, or exit code 1
import * as oauth from 'oauth4webapi'

const [issuerUrl, secret, redirectUri, username, password, privateJwk] = process.argv.slice(2)
const http = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(issuerUrl)
const found = {}

const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, http))
const again = await oauth.discoveryRequest(issuer, { ...http, algorithm: 'oauth2' })
found.metadata = (await oauth.processDiscoveryResponse(issuer, again)).issuer

// A service of its own accord: by secret, and by a signed assertion.
const machine = { client_id: 'scheduler' }
const bySecret = oauth.ClientSecretBasic(secret)
const own = await oauth.processClientCredentialsResponse(as, machine,
  await oauth.clientCredentialsGrantRequest(as, machine, bySecret, new URLSearchParams({ scope: 'reservations:write' }), http))
const request = new Request('http://127.0.0.1/', { headers: { authorization: `Bearer ${own.access_token}` } })
found.claims = await oauth.validateJwtAccessToken(as, request, 'drone', http)
const jwk = JSON.parse(privateJwk)
const key = await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
const robot = { client_id: 'robot' }
const signed = await oauth.processClientCredentialsResponse(as, robot,
  await oauth.clientCredentialsGrantRequest(as, robot, oauth.PrivateKeyJwt({ key, kid: jwk.kid }), {}, http))
found.assertion = signed.token_type

// A user, through the form as a browser would send it.
const app = { client_id: 'app' }
const verifier = oauth.generateRandomCodeVerifier()
const state = oauth.generateRandomState()
const nonce = oauth.generateRandomNonce()
const link = new URL(as.authorization_endpoint)
for (const [name, value] of Object.entries({
  client_id: 'app', redirect_uri: redirectUri, response_type: 'code', state, nonce,
  scope: 'openid profile offline_access deliveries:read drones:read',
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
})) link.searchParams.set(name, value)
const page = await fetch(link)
const cookie = page.headers.get('set-cookie').split(';')[0]
const ticket = (await page.text()).match(/name="ticket" value="([^"]+)"/)[1]
const back = await fetch(as.authorization_endpoint, {
  method: 'POST', redirect: 'manual', headers: { cookie },
  body: new URLSearchParams({ ticket, username, password, decision: 'allow' }),
})
const parameters = oauth.validateAuthResponse(as, app, new URL(back.headers.get('location')), state)
const exchanged = await oauth.authorizationCodeGrantRequest(as, app, oauth.None(), parameters, redirectUri, verifier, http)
const tokens = await oauth.processAuthorizationCodeResponse(as, app, exchanged, { expectedNonce: nonce, requireIdToken: true })
await oauth.validateApplicationLevelSignature(as, exchanged, http)
const { sub } = oauth.getValidatedIdTokenClaims(tokens)
found.user = await oauth.processUserInfoResponse(as, app, sub, await oauth.userInfoRequest(as, app, tokens.access_token, http))

// What follows from a login.
const fresh = await oauth.processRefreshTokenResponse(as, app,
  await oauth.refreshTokenGrantRequest(as, app, oauth.None(), tokens.refresh_token, http))
found.rotated = fresh.refresh_token !== tokens.refresh_token
const delivery = { client_id: 'delivery' }
const look = async () => (await oauth.processIntrospectionResponse(as, delivery,
  await oauth.introspectionRequest(as, delivery, bySecret, fresh.access_token, http))).active
found.active = await look()
const passedOn = await oauth.processGenericTokenEndpointResponse(as, delivery,
  await oauth.genericTokenEndpointRequest(as, delivery, bySecret, 'urn:ietf:params:oauth:grant-type:token-exchange', {
    subject_token: fresh.access_token, audience: 'drone', scope: 'drones:read',
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  }, http))
const carried = new Request('http://127.0.0.1/', { headers: { authorization: `Bearer ${passedOn.access_token}` } })
found.exchanged = await oauth.validateJwtAccessToken(as, carried, 'drone', http)
await oauth.processRevocationResponse(await oauth.revocationRequest(as, app, oauth.None(), fresh.refresh_token, http))
found.revoked = !(await look())
console.log(JSON.stringify(found))
