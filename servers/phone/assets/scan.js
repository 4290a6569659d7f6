// Reads a code from a picture, where the browser can.
const form = document.querySelector('[data-scan]');
if (form && 'BarcodeDetector' in globalThis) {
  const [box, address] = [form.querySelector('[data-picture]'), document.getElementById('address')];
  const none = box.querySelector('[data-none]');
  box.hidden = false;
  const read = async (file) => {
    none.hidden = true;
    try {
      const codes = await new BarcodeDetector({ formats: ['qr_code'] }).detect(await createImageBitmap(file));
      if (codes.length === 0) throw new Error('no code');
      address.value = codes[0].rawValue;
      address.focus();
    } catch {
      none.textContent = none.dataset.none;
      none.hidden = false;
    }
  };
  document.getElementById('picture').addEventListener('change', (event) => event.target.files[0] && read(event.target.files[0]));
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) read(event.dataTransfer.files[0]);
  });
}
