import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../../system/programs.ts";
import { inTemporaryFolder } from "../testing/temporary-folder.ts";
import { knownKey, sshTarget } from "./ssh-target.ts";

const folder = inTemporaryFolder();

test.each([
  ["root@10.0.0.18", "ssh://root@10.0.0.18", "10.0.0.18"],
  ["root@host-a:2222", "ssh://root@host-a:2222", "[host-a]:2222"],
  ["root@[2001:DB8::18]:2222", "ssh://root@[2001:db8::18]:2222", "[2001:db8::18]:2222"],
  ["ssh://root@[2001:db8::18]", "ssh://root@[2001:db8::18]", "2001:db8::18"],
  ["root@2001:db8::18", "ssh://root@[2001:db8::18]", "2001:db8::18"],
  ["ssh://ops@host-a.example.com", "ssh://ops@host-a.example.com", "host-a.example.com"],
])("%s is reached at %s, and known as %s.", async (target, docker, known) => {
  expect(await sshTarget(target)).toMatchObject({ docker, known });
});

test.each([
  ...["-oProxyCommand=x", "root@-x", "root@host;id", "", "root@a b", "root@host:", "user@host@x"],
  ...["root@host:99999", "root@host:0", "root@[host]", "root@[::1", "root@fe80::1%eth0", "root@1:2:3"],
])("%j is no host, and reaches no ssh.", async (target) => {
  await expect(sshTarget(target)).rejects.toThrow(/is no host\nfix: /);
});

test("A key is known by name, by hash and by port, Ed25519 first; one that is revoked is not.", async () => {
  const file = join(folder(), "known_hosts");
  const [ed25519, ecdsa, revoked] = [0, 1, 2].map((index) => join(folder(), `key${index}`));
  const keys: string[] = [];
  for (const [path = "", type] of [
    [ed25519, "ed25519"],
    [ecdsa, "ecdsa"],
    [revoked, "ed25519"],
  ] as const) {
    await run("ssh-keygen", ["-q", "-t", type ?? "", "-N", "", "-C", "", "-f", path]);
    keys.push((await run("ssh-keygen", ["-y", "-f", path])).trim().split(" ").slice(0, 2).join(" "));
  }
  const [good = "", other = "", bad = ""] = keys;
  writeFileSync(file, `host-a ${other}\nhost-a ${good}\n[host-a]:2222 ${other}\n@revoked host-b ${bad}\n`);
  await run("ssh-keygen", ["-H", "-f", file]);
  const key = async (target: string) => knownKey({ ...(await sshTarget(target)), files: ["/nowhere", file] });

  expect(await key("root@host-a")).toBe(good);
  expect(await key("root@host-a:2222")).toBe(other);
  expect(await key("root@host-b")).toBeUndefined();
  expect(await key("root@host-c")).toBeUndefined();
});
