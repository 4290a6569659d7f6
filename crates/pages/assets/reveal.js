// Show or hide what is typed into a password field: <button type="button" data-reveal="FIELD-ID">.
for (const button of document.querySelectorAll('[data-reveal]')) {
  const field = document.getElementById(button.dataset.reveal);
  const [show, hide] = [button.textContent, button.dataset.hide];
  button.hidden = false;
  button.addEventListener('click', () => {
    const shown = field.type === 'password';
    field.type = shown ? 'text' : 'password';
    button.textContent = shown ? hide : show;
    button.setAttribute('aria-pressed', String(shown));
  });
}

// What was typed is gone when the page is left, <input data-secret>; a page from the history is asked for anew, since
// what it tells can be over.
const secrets = document.querySelectorAll('[data-secret]');
const forget = () => { for (const field of secrets) field.value = ''; };
addEventListener('pagehide', forget);
addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  forget();
  location.replace(location.href);
});
