// Copy a text: <button type="button" data-copy="ELEMENT-ID" data-done="Copied">.
for (const button of document.querySelectorAll('[data-copy]')) {
  const word = button.querySelector('span');
  const before = word.textContent;
  button.hidden = false;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    word.textContent = button.dataset.done;
    setTimeout(() => { word.textContent = before; }, 2000);
  });
}
