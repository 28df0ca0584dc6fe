import { expect, test } from "vitest";
import { engine, logOf, startContainer } from "../docker/testing/containers.ts";
import { askInContainer } from "./administration.ts";
import { droppingSsh } from "./testing/dropping-ssh.ts";

const socket = "/dev/shm/admin.sock";

/** A container whose administration answers so. */
async function answering(status: number, body: string): Promise<string> {
  const container = await startContainer(`
    require("http").createServer((request, response) => response.writeHead(${status}).end(${JSON.stringify(body)}))
      .listen("${socket}", () => console.log("listening"));`);
  await expect.poll(() => logOf(container), { timeout: 120_000 }).toContain("listening");
  return container;
}

test("Over SSH, a scheduler is asked again where the connection is dropped.", async () => {
  const container = await answering(200, '{"ready":true}');
  const host = { name: "host-a", address: "10.0.0.18", docker: "ssh://root@10.0.0.18" };
  const started = await droppingSsh(engine);

  const answer = await askInContainer({ host, container, socket }, "/state");

  expect(answer).toEqual({ done: true, body: { ready: true } });
  // The one that was dropped; one by which the command is made and started, which takes it; one to look at it.
  expect(await started()).toHaveLength(3);
});

test.each([
  [409, { code: "conflict", message: "it is the last one", fix: "--force" }, "conflict"],
  [404, { message: "Not Found" }, "unreachable"],
])("An answer of status %i that says %j is a problem of code %s.", async (status, error, code) => {
  const container = await answering(status, JSON.stringify({ error }));
  const host = { name: "host-a", address: "127.0.0.1" };

  const answer = await askInContainer({ host, container, socket }, "/drain", { instance: "decode-0" });

  expect(answer).toMatchObject({ done: false, problem: { code } });
});
