// The real sensor of this machine, where there is one (WebAuthn, platform authenticator).
const toBase64 = (octets) =>
  btoa(String.fromCharCode(...new Uint8Array(octets))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const fromBase64 = (coded) =>
  Uint8Array.from(atob(coded.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
const post = async (path, body) => {
  const answer = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  return answer.json();
};

const register = async () => {
  const asked = await post('/biometrics/challenge', {});
  const { response } = await navigator.credentials.create({ publicKey: {
    challenge: fromBase64(asked.challenge),
    rp: { id: asked.relying_party, name: asked.name },
    user: { id: new TextEncoder().encode(asked.name), name: asked.name, displayName: asked.name },
    pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
    authenticatorSelection: { authenticatorAttachment: 'platform', userVerification: 'required', residentKey: 'discouraged' },
    attestation: 'none',
  } });
  return post('/biometrics/authenticator', {
    client_data: toBase64(response.clientDataJSON), authenticator_data: toBase64(response.getAuthenticatorData()),
  });
};

const approve = async (request) => {
  const asked = await post('/biometrics/challenge', {});
  const { rawId, response } = await navigator.credentials.get({ publicKey: {
    challenge: fromBase64(asked.challenge),
    rpId: asked.relying_party,
    allowCredentials: [{ type: 'public-key', id: fromBase64(asked.credential) }],
    userVerification: 'required',
  } });
  return post('/approve/authenticator', { request, assertion: {
    id: toBase64(rawId),
    client_data: toBase64(response.clientDataJSON),
    authenticator_data: toBase64(response.authenticatorData),
    signature: toBase64(response.signature),
  } });
};

const available = globalThis.PublicKeyCredential
  && await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable();
for (const button of document.querySelectorAll('[data-authenticator]')) {
  button.hidden = !available;
  const line = button.closest('[data-authenticator-line]');
  if (line) line.hidden = !available;
  button.addEventListener('click', async () => {
    const failed = document.querySelector('[data-authenticator-error]');
    failed.hidden = true;
    button.disabled = true;
    try {
      const wish = button.dataset.authenticator;
      const { next } = await (wish === 'register' ? register() : approve(wish));
      location.assign(next);
    } catch {
      button.disabled = false;
      failed.textContent = failed.dataset.authenticatorError;
      failed.hidden = false;
    }
  });
}
