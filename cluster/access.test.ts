import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { findAccess } from "./access.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "access-"));
});

afterEach(() => rm(folder, { recursive: true }));

async function config(name: string, content: object): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, stringify({ apiVersion: "v1", kind: "Config", ...content }));
  return file;
}

const one = (user: object, cluster: object = {}) => ({
  clusters: [{ name: "c", cluster: { server: "https://10.0.0.1:6443/", ...cluster } }],
  users: [{ name: "u", user }],
  contexts: [{ name: "prod", context: { cluster: "c", user: "u", namespace: "pd" } }],
  "current-context": "prod",
});

test("A kubeconfig's current context gives server, namespace, certificates and token.", async () => {
  await writeFile(join(folder, "ca.pem"), "the authority");
  const file = await config(
    "config",
    one(
      { token: "secret", "client-key-data": Buffer.from("key").toString("base64") },
      { "certificate-authority": "ca.pem" },
    ),
  );

  const access = await findAccess(undefined, { KUBECONFIG: file });

  expect(access).toEqual({
    name: "prod",
    server: "https://10.0.0.1:6443",
    namespace: "pd",
    tls: { ca: Buffer.from("the authority"), key: Buffer.from("key") },
    token: "secret",
  });
});

test("Of several files each gives what it has, the first the current context, and one that is missing nothing.", async () => {
  const users = await config("users", { users: [{ name: "u", user: { token: "mine" } }] });
  const rest = await config("rest", { ...one({ token: "theirs" }) });

  const access = await findAccess(undefined, { KUBECONFIG: `${join(folder, "none")}:${users}:${rest}` });

  expect(access).toMatchObject({ name: "prod", token: "mine" });
});

test("A login program is run and gives the token.", async () => {
  const plugin = join(folder, "login");
  await writeFile(plugin, `#!/bin/sh\necho '{"status": {"token": "'$1-$WHO'"}}'\n`);
  await chmod(plugin, 0o755);
  const exec = {
    apiVersion: "client.authentication.k8s.io/v1",
    command: plugin,
    args: ["given"],
    env: [{ name: "WHO", value: "me" }],
  };

  const access = await findAccess(undefined, { KUBECONFIG: await config("config", one({ exec })) });

  expect(access.token).toBe("given-me");
});

test("A login program that is named by a relative path lies beside its kubeconfig.", async () => {
  await writeFile(join(folder, "login"), `#!/bin/sh\necho '{"status": {"token": "beside"}}'\n`);
  await chmod(join(folder, "login"), 0o755);
  const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "./login", args: null, env: null };

  const access = await findAccess(undefined, { KUBECONFIG: await config("config", one({ exec })) });

  expect(access.token).toBe("beside");
});

test("Of a token and a file with one, the file counts, which is renewed.", async () => {
  await writeFile(join(folder, "token"), "renewed\n");
  const file = await config("config", one({ token: "old", tokenFile: "token" }));

  expect(await findAccess(undefined, { KUBECONFIG: file })).toMatchObject({ token: "renewed" });
});

test("A server without TLS is told no token.", async () => {
  const file = await config("config", one({ token: "secret" }, { server: "http://10.0.0.1:8001" }));

  expect(await findAccess(undefined, { KUBECONFIG: file })).toEqual({
    name: "prod",
    server: "http://10.0.0.1:8001",
    namespace: "pd",
    tls: {},
  });
});

test("A file that the kubeconfig names and that is not there is told by its path.", async () => {
  const file = await config("config", one({ "client-certificate": "gone.pem" }));

  const asked = findAccess(undefined, { KUBECONFIG: file });

  await expect(asked).rejects.toThrow(`${folder}/gone.pem, by which the cluster is reached, cannot be read`);
});

test("A login program that fails is told with its words.", async () => {
  const exec = {
    apiVersion: "client.authentication.k8s.io/v1",
    command: "sh",
    args: ["-c", "echo log in first >&2; exit 1"],
  };

  const asked = findAccess(undefined, { KUBECONFIG: await config("config", one({ exec })) });

  await expect(asked).rejects.toThrow("context prod: sh gives no credential: log in first");
});

test.each([
  ["a context that it has not", one({ token: "t" }), "test", "has no context test"],
  ["a way to log in that kubectl has dropped", one({ "auth-provider": {} }), undefined, "uses auth-provider"],
  ["somebody else's name", one({ token: "t", as: "admin" }), undefined, "uses as, which is not supported"],
  ["no current context", { ...one({}), "current-context": "" }, undefined, "has no current context"],
])("%s is refused by name.", async (_, content, context, message) => {
  const file = await config("config", content);

  await expect(findAccess(context, { KUBECONFIG: file })).rejects.toThrow(message);
});

test("Without a kubeconfig, outside of a cluster, what is looked for is told.", async () => {
  await expect(findAccess(undefined, { HOME: folder })).rejects.toThrow(`there is no ${folder}/.kube/config`);
});
