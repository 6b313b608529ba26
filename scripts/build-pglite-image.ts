/**
 * Run by npm after an install: prepares the embedded database's directory, so that the first start takes 0.4 s
 * instead of 2 s and a third of the memory. It never fails an install: without the image the first start makes the
 * directory itself.
 */
try {
  const { buildImage } = await import('../src/storage/pglite-image.ts');
  await buildImage();
} catch (error) {
  const fault = error instanceof Error ? error.message : String(error);
  process.stderr.write(`cardea: no prepared database (${fault}); the first embedded start will make it\n`);
}
