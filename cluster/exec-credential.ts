import { FixableError } from "../problems/fixable-error.ts";
import { tryRun } from "../system/programs.ts";

/** What a login program of a cluster (`exec` in a kubeconfig) answers with. */
export interface Credential {
  readonly token?: string;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

interface Plugin {
  readonly apiVersion: string;
  readonly command: string;
  /** Kubeconfigs that programs write have null where there are none. */
  readonly args?: readonly string[] | null;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
}

/** Runs it as kubectl does. It may not ask on a terminal, of which there is none under Pulumi. */
export async function execCredential(
  exec: unknown,
  { server, name }: { readonly server: string; readonly name: string },
): Promise<Credential> {
  const { apiVersion, command, ...plugin } = exec as Plugin;
  const [args, env] = [plugin.args ?? [], plugin.env ?? []];
  const info = { apiVersion, kind: "ExecCredential", spec: { interactive: false, cluster: { server } } };
  const { code, stdout, stderr } = await tryRun(command, args, {
    env: {
      ...process.env,
      ...Object.fromEntries(env.map((one) => [one.name, one.value])),
      KUBERNETES_EXEC_INFO: JSON.stringify(info),
    },
  });
  const fix = `run \`${[command, ...args].join(" ")}\` by hand, and log in if it asks for that`;
  if (code !== 0) {
    throw new FixableError(`context ${name}: ${command} gives no credential: ${stderr.trim()}`, fix);
  }
  try {
    const { status } = JSON.parse(stdout);
    return {
      ...(status.token && { token: status.token }),
      ...(status.clientCertificateData && { cert: Buffer.from(status.clientCertificateData) }),
      ...(status.clientKeyData && { key: Buffer.from(status.clientKeyData) }),
    };
  } catch {
    throw new FixableError(`context ${name}: ${command} answers with no ExecCredential`, fix);
  }
}
