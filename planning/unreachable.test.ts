import { expect, test } from "vitest";
import { unreachableMessage } from "./unreachable.ts";

test("A user who may not open the Docker Engine's socket is not told to start it.", () => {
  const host = { name: "local", address: "127.0.0.1" };
  const at = "unix:///var/run/docker.sock";

  const message = unreachableMessage(host, at, "connect EACCES /var/run/docker.sock");

  expect(message).toBe(
    `local: no Docker Engine answers at ${at}: connect EACCES /var/run/docker.sock\n` +
      "fix: let this user open it (`sudo usermod -aG docker $USER`, then log in again)",
  );
});
