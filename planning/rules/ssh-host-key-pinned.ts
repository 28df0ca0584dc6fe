import { sshEndpoint } from "../ssh-endpoint.ts";
import type { Rule } from "./rule.ts";

export const sshHostKeyPinned: Rule = {
  code: "PD150",
  severity: "error",
  title: "an `ssh://` endpoint has a `hostKey`, and no other has one",
  why: "A Docker endpoint is root on its host; a machine that answers in its place would be given everything.",
  source: "OpenSSH: `StrictHostKeyChecking`",
  check: ({ hosts }) =>
    hosts.flatMap(({ name, docker, hostKey }) => {
      const path = `hosts.${name}.hostKey`;
      const ssh = sshEndpoint(docker ?? "");
      if (ssh !== undefined && hostKey === undefined) {
        const keyscan = `ssh-keyscan${ssh.port === undefined ? "" : ` -p ${ssh.port}`} -t ed25519 ${ssh.host}`;
        const fix = `add what \`${keyscan}\` prints after the host name, once you have checked it`;
        return [{ path, message: `${docker} needs one`, fix }];
      }
      if (ssh !== undefined || hostKey === undefined) return [];
      return [{ path, message: `${docker ?? "the default endpoint"} has no use for one`, fix: "remove it" }];
    }),
};
