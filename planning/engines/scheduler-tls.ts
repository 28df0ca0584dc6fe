import type { Declared } from "../stack-file/schema.ts";

/** Where the host's folder of certificates is in the scheduler's container. */
const folder = "/etc/ascend-pd-tls";

/** What its container has for TLS, where the stack file wants it. */
export function schedulerTls({ scheduler: { tls } }: Pick<Declared, "scheduler">) {
  if (tls === undefined) return { flags: [], mounts: [] };
  return {
    flags: [`--tls-cert=${folder}/${tls.cert}`, `--tls-key=${folder}/${tls.key}`],
    mounts: [{ source: tls.folder, target: folder, readOnly: true }],
  };
}
