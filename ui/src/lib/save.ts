/** Hands a file to the browser, as a link that somebody clicked. */
export function save(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken the file by then, and a large one needs its time.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
