// Somebody else's OpenID Connect provider (npm `oidc-provider`) for the portal, and a browser in front of both.
//
//     node oidc-provider.mjs PORT REGISTRATION PORTAL
//
// REGISTRATION is what the portal says of itself. Listens on PORT, prints `ready`, and on a line of standard input
// logs in at PORTAL, has the provider log out again by its back channel, and prints what the browser saw.
import { generateKeyPairSync, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

globalThis.crypto ??= webcrypto; // Node 18
const { Provider } = await import('oidc-provider');

const [port, file, portal] = process.argv.slice(2);
const registration = JSON.parse(readFileSync(file));
const issuer = `http://localhost:${port}`;
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const provider = new Provider(issuer, {
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: '1' }] },
  clients: [{
    client_id: 'portal',
    redirect_uris: registration.redirect_uris,
    jwks: registration.jwks,
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    id_token_signed_response_alg: 'ES256',
    grant_types: ['authorization_code'],
    response_types: ['code'],
    backchannel_logout_uri: registration.backchannel_logout_uri,
    backchannel_logout_session_required: true,
  }],
  scopes: ['openid', 'sessions', 'certificates'],
  acrValues: ['aal3'],
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  // By default it fetches nothing from this machine's own addresses.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  ttl: { AccessToken: 300, IdToken: 300, AuthorizationCode: 60, Grant: 600, Interaction: 600, Session: 600 },
});
provider.on('backchannel.error', (_, error) => console.error('back channel:', error.message));
provider.on('grant.error', (_, error) => console.error('grant:', error.message, error.error_detail));

// A browser in a few lines: a jar for each host and port, redirects, and the forms of the provider's own pages.
const jar = new Map();
async function visit(url, options = {}) {
  for (let step = 0; step < 20; step += 1) {
    const cookie = [...jar].filter(([key]) => key.startsWith(url.host))
      .map(([key, value]) => `${key.split(' ')[1]}=${value}`).join('; ');
    const answer = await fetch(url, { ...options, redirect: 'manual', headers: { ...options.headers, cookie } });
    options = {};
    for (const line of answer.headers.getSetCookie()) {
      const [name, ...value] = line.split(';')[0].split('=');
      jar.set(`${url.host} ${name}`, value.join('='));
    }
    const location = answer.headers.get('location');
    if (location) {
      url = new URL(location, url);
      continue;
    }
    const html = await answer.text();
    const form = url.origin === issuer && html.match(/<form[^>]* action="([^"]+)"/)?.[1];
    if (!form) return { url: url.href, status: answer.status, html };
    const fields = [...html.matchAll(/name="([^"]+)"[^>]* value="([^"]*)"/g)].map(([, name, value]) => [name, value]);
    const logout = html.includes('name="logout"') ? [['logout', 'yes']] : [];
    url = new URL(form, url);
    options = {
      method: 'POST',
      body: new URLSearchParams([...fields, ...logout, ['login', 'hanako'], ['password', 'x']]),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    };
  }
  throw new Error(`too many steps, last at ${url}`);
}

provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
for await (const _ of createInterface({ input: process.stdin })) {
  await visit(new URL('/login', portal));
  const session = [...jar.keys()].some((key) => key.endsWith(' tefuda_portal_session'));
  await visit(new URL('/session/end?client_id=portal', issuer));
  const after = await visit(new URL('/', portal));
  console.log(JSON.stringify({ session, reason: after.html.match(/data-reason="([^"]+)"/)?.[1] ?? null }));
  process.exit(0);
}
