/**
 * Has this process take certificates for good that `ca` (PEM) has signed, besides those that it takes anyway, whatever asks:
 * `fetch`, `node:https`. Nothing without one.
 */
export function trustAlso(ca: string | undefined): void {
  if (ca === undefined) return;
  const { getCACertificates, setDefaultCACertificates } = process.getBuiltinModule("node:tls");
  setDefaultCACertificates([...getCACertificates("default"), ca]);
}
