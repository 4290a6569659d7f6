// Seals what is typed to the element, in the page: ECDH P-256, HKDF-SHA256, AES-256-GCM (protocol::sealed).
// A password leaves this page sealed, or not at all.

const KINDS = { login: 1, document: 2, 'set-pin': 3, 'change-pin': 4, register: 5, 'enrol-biometrics': 6, 'reset-pin': 7, 'recovery-code': 8 };
const PURPOSES = { 'verify-sign': 1, 'verify-auth': 2, 'set-sign': 3, 'set-auth': 4 };
const PADDED_OCTETS = 17;

const text = new TextEncoder();
const join = (...parts) => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
};
const toBase64 = (octets) =>
  btoa(String.fromCharCode(...octets)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const fromBase64 = (coded) =>
  Uint8Array.from(atob(coded.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));

const label = text.encode('TEFUDA-PIN-1\0');

/** SHA-256 of the transaction as it was shown. */
const hashOf = async ({ kind, body }) => {
  const message = join(text.encode('TEFUDA-TRANSACTION-1\0'), [KINDS[kind]], text.encode(body));
  return new Uint8Array(await crypto.subtle.digest('SHA-256', message));
};

const sealOne = async (session, hash, purpose, password) => {
  const curve = { name: 'ECDH', namedCurve: 'P-256' };
  const element = fromBase64(session.pin_entry_key);
  const challenge = fromBase64(session.challenge);
  const peer = await crypto.subtle.importKey('raw', element, curve, false, []);
  const own = await crypto.subtle.generateKey(curve, false, ['deriveBits']);
  const ephemeral = new Uint8Array(await crypto.subtle.exportKey('raw', own.publicKey));
  const shared = await crypto.subtle.deriveBits({ name: 'ECDH', public: peer }, own.privateKey, 256);
  const secret = await crypto.subtle.importKey('raw', shared, 'HKDF', false, ['deriveKey']);
  const info = join(label, [PURPOSES[purpose]], hash, ephemeral, element);
  const key = await crypto.subtle.deriveKey(
    { name: 'HKDF', hash: 'SHA-256', salt: challenge, info }, secret, { name: 'AES-GCM', length: 256 }, false, ['encrypt']);
  const octets = text.encode(password);
  const padded = new Uint8Array(PADDED_OCTETS);
  padded[0] = octets.length;
  padded.set(octets, 1);
  // The key is used once, so the nonce may be zero.
  const additionalData = join(label, [PURPOSES[purpose]], challenge, hash);
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv: new Uint8Array(12), additionalData }, key, padded);
  padded.fill(0);
  octets.fill(0);
  return toBase64(join(ephemeral, new Uint8Array(sealed)));
};

/** One block for each purpose of the session, in its order. */
export const seal = async (session, passwords) => {
  const hash = await hashOf(session.transaction);
  return Promise.all(session.purposes.map((purpose, index) => sealOne(session, hash, purpose, passwords[index])));
};

const isPin = (typed) => /^[0-9]{4}$/.test(typed);
const isPassword = (typed) => /^[0-9A-Za-z]{6,16}$/.test(typed) && /[0-9]/.test(typed) && /[A-Za-z]/.test(typed);

/** What others would guess: names of advice (phone::advice). */
export const advice = (typed, born) => {
  const steps = [...typed].slice(1).map((c, index) => c.charCodeAt(0) - typed.charCodeAt(index));
  const all = (step) => steps.length > 0 && steps.every((one) => one === step);
  const found = [];
  if (all(0)) found.push('repeated');
  if (all(1) || all(-1)) found.push('sequence');
  if (born?.length === 8) {
    const [year, month, day] = [born.slice(0, 4), born.slice(4, 6), born.slice(6)];
    if ([year, month + day, day + month].includes(typed) || typed.includes(born)) found.push('birth');
  }
  return found;
};

const wrongWith = (field) => {
  const [typed, wantsPin] = [field.value.trim(), field.dataset.field === 'pin'];
  if (typed === '') return { text: field.dataset.empty };
  if (wantsPin ? isPin(typed) : isPassword(typed)) return undefined;
  if (wantsPin ? isPassword(typed) : isPin(typed)) return { text: kept(field, field.dataset.confused), reason: field.dataset.confusedReason };
  return { text: kept(field, field.dataset.malformed), reason: 'phone.pin_malformed' };
};

/** That no try was used is worth saying where one could have been. */
const kept = (field, text) => sentenced(text, field.dataset.kept);

const sentenced = (...sentences) => sentences.filter(Boolean).join(document.documentElement.lang === 'en' ? ' ' : '');

const showError = (field, wrong) => {
  const line = document.getElementById(`${field.id}-error`);
  line.hidden = wrong === undefined;
  line.querySelector('span').textContent = wrong?.text ?? '';
  if (wrong?.reason) line.dataset.reason = wrong.reason; else delete line.dataset.reason;
  if (wrong) field.setAttribute('aria-invalid', 'true'); else field.removeAttribute('aria-invalid');
};

/** Whether something is advised against that was not yet insisted on. */
const advised = (field, born, insisted) => {
  if (field.dataset.new === undefined) return false;
  const found = advice(field.value.trim(), born);
  const box = document.getElementById(`${field.id}-advice`);
  box.hidden = found.length === 0;
  const sentences = found.map((name) => field.dataset[`advice${name[0].toUpperCase()}${name.slice(1)}`]);
  box.querySelector('p').textContent = sentenced(...sentences, field.dataset.adviceAgain);
  const seen = insisted.get(field.id) === field.value;
  insisted.set(field.id, field.value);
  return found.length > 0 && !seen;
};

const begin = (form) => {
  const session = JSON.parse(form.dataset.session);
  let born;
  try { born = JSON.parse(session.transaction.body).birth_date; } catch { /* no birth date is told */ }
  const fields = [...form.querySelectorAll('[data-field]')];
  const submit = document.querySelector('[data-submit]');
  const problem = form.querySelector('[data-problem]');
  const insisted = new Map();
  submit.disabled = false;

  for (const field of fields) {
    if (field.dataset.field === 'pin') {
      field.addEventListener('input', () => { field.value = field.value.replace(/[^0-9A-Za-z]/g, ''); });
    }
    field.addEventListener('input', () => showError(field, undefined));
  }
  // Whoever goes back finds nothing typed.
  addEventListener('pagehide', () => { for (const field of fields) field.value = ''; });
  for (const button of document.querySelectorAll('[data-reveal]')) {
    const field = document.getElementById(button.dataset.reveal);
    const [show, hide] = [button.textContent, button.dataset.hide];
    button.hidden = false;
    button.addEventListener('click', () => {
      const hidden = field.type === 'password';
      field.type = hidden ? 'text' : 'password';
      button.textContent = hidden ? hide : show;
      button.setAttribute('aria-pressed', String(hidden));
    });
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    problem.hidden = true;
    const wrong = fields.filter((field) => { const found = wrongWith(field); showError(field, found); return found; });
    if (wrong.length > 0) return wrong[0].focus();
    const weak = fields.filter((field) => advised(field, born, insisted));
    if (weak.length > 0) return weak[0].focus();
    submit.disabled = true;
    const label = submit.textContent;
    submit.textContent = form.dataset.sending;
    try {
      const typed = fields.map((field) => {
        const value = field.value.trim();
        return field.dataset.field === 'pin' ? value : value.toUpperCase();
      });
      const blocks = await seal(session, typed);
      typed.fill('');
      for (const field of fields) { field.value = ''; }
      const answer = await fetch(location.href, {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ session: session.id, blocks }),
      });
      const { next } = await answer.json();
      location.assign(next);
    } catch {
      submit.disabled = false;
      submit.textContent = label;
      problem.querySelector('span').textContent = form.dataset.failed;
      problem.hidden = false;
    }
  });
};

if (typeof document !== 'undefined') {
  const form = document.querySelector('form[data-session]');
  if (form) begin(form);
  // A page from the history would seal to a session that is over.
  addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
}
