import { expect, test } from "vitest";
import { resource, violationsOf } from "../test-support.ts";
import { noDockerSocket } from "./no-docker-socket.ts";

const mounting = (source: string) =>
  resource("decode-0", {
    mounts: [
      { type: "bind", source: "/data/models" },
      { type: "bind", source },
    ],
  });

test.each([
  "/var/run/docker.sock",
  "/run/docker.sock",
  "/run/user/1000/docker.sock",
  "/var/run/docker.sock/",
  "/var/run",
  "/run/",
  "/var",
  "/",
  "//",
  "/data/..",
])("A mount of %s is reported with the container's name.", async (source) => {
  const violations = await violationsOf(noDockerSocket, mounting(source));

  expect(violations).toEqual([`decode-0 mounts ${source} of the host`]);
});

test("A volume of the socket is reported as well.", async () => {
  const container = resource("decode-0", {
    volumes: [{ hostPath: "/var/run/docker.sock", containerPath: "/s" }],
  });

  const violations = await violationsOf(noDockerSocket, container);

  expect(violations).toEqual(["decode-0 mounts /var/run/docker.sock of the host"]);
});

test.each(["/var/log/npu", "/data/run", "/usr/local/Ascend/driver", "/etc/localtime", "/srv/docker.sock.d"])(
  "A mount of %s passes.",
  async (source) => {
    const violations = await violationsOf(noDockerSocket, mounting(source));

    expect(violations).toEqual([]);
  },
);

test("A mount without a source on the host, and a container without mounts, pass.", async () => {
  const tmpfs = await violationsOf(noDockerSocket, resource("decode-0", { mounts: [{ type: "tmpfs" }] }));
  const none = await violationsOf(noDockerSocket, resource("decode-0", {}));

  expect([...tmpfs, ...none]).toEqual([]);
});
