// A relying party on npm `openid-client`: one login, told on standard output.
//
//     node relying-party.mjs ISSUER PARTY REDIRECT_URI COMMAND…
//
// PARTY is what `tefuda rp register --json` printed. COMMAND gets the authorization URL as its last argument, is
// browser and phone in one (`tefuda --json phone login NAME …`), and prints where the browser was sent back to.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { webcrypto } from 'node:crypto';

globalThis.crypto ??= webcrypto; // Node 18
const client = await import('openid-client');

const [issuer, file, redirectUri, command, ...words] = process.argv.slice(2);
const party = JSON.parse(readFileSync(file));
const key = await crypto.subtle.importKey(
  'jwk', party.private_jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);

const config = await client.discovery(
  new URL(issuer), party.client_id, { id_token_signed_response_alg: 'ES256' },
  client.PrivateKeyJwt({ key, kid: party.private_jwk.kid }),
  { execute: [client.allowInsecureRequests] }); // the sandbox speaks HTTP on loopback

const pkceCodeVerifier = client.randomPKCECodeVerifier();
const expectedState = client.randomState();
const expectedNonce = client.randomNonce();
const url = client.buildAuthorizationUrl(config, {
  redirect_uri: redirectUri,
  scope: 'openid',
  state: expectedState,
  nonce: expectedNonce,
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
});

function browser(url) {
  try {
    return JSON.parse(execFileSync(command, [...words, url.href]));
  } catch (refused) {
    return JSON.parse(refused.stdout);
  }
}

const { redirect, reason } = browser(url);
if (!redirect) throw new Error(`nothing came back: ${reason}`);
try {
  const tokens = await client.authorizationCodeGrant(
    config, new URL(redirect), { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true });
  const claims = tokens.claims();
  const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
  console.log(JSON.stringify({ claims, userinfo }));
} catch (refused) {
  if (!(refused instanceof client.AuthorizationResponseError)) throw refused;
  console.log(JSON.stringify({ error: refused.error, error_description: refused.error_description }));
}
