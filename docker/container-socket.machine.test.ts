import { expect, test } from "vitest";
import { askSocket } from "./container-socket.ts";
import { command, engine, logOf, startContainer } from "./testing/containers.ts";

const socket = "/dev/shm/test.sock";

/** A container with a server on the socket, which answers so, or never, and writes what it is asked. */
async function serving(answer?: { status: number; text: string }): Promise<string> {
  const name = await startContainer(`
    const answer = ${JSON.stringify(answer)};
    require("http").createServer(async (request, response) => {
      let body = "";
      for await (const piece of request) body += piece;
      console.log("asked " + request.method + " " + request.url + " " + body + ".");
      request.socket.on("close", () => console.log("left " + request.url));
      if (answer) response.writeHead(answer.status).end(answer.text);
    }).listen("${socket}", () => console.log("listening"));
  `);
  await expect.poll(() => logOf(name), { timeout: 120_000 }).toContain("listening");
  return name;
}

const asked = async (name: string) =>
  [...(await logOf(name)).matchAll(/asked (.*)\.$/gm)].map(([, question]) => question);

test("It gives status and answer; what is asked is data.", async () => {
  const name = await serving({ status: 409, text: '{"error": "é\\n"}\n' });
  const body = { text: "$(id) 'ü' \" \n\\" };

  const answers = [
    await askSocket(engine, name, { socket, path: "/look" }),
    await askSocket(engine, name, { socket, path: "/do", body }),
  ];

  expect(answers).toEqual(answers.map(() => ({ status: 409, body: { error: "é\n" } })));
  expect(await asked(name)).toEqual(["GET /look ", `POST /do ${JSON.stringify(body)}`]);
});

test("Where nobody is there to be asked, that is certain, and why.", async () => {
  const [running, stopped] = [await startContainer(), await startContainer()];
  await command(stopped, "stop?t=0");
  const ask = (name: string) => askSocket(engine, name, { socket, path: "/" });

  expect(await ask("ascend-pd-no-such-container")).toEqual({
    absent: expect.stringContaining("No such container"),
  });
  expect(await ask(stopped)).toEqual({ absent: expect.stringContaining("is not running") });
  expect(await ask(running)).toEqual({ absent: "ENOENT" });
});

test("What is no answer says nothing of who is there.", async () => {
  const name = await serving({ status: 200, text: "<html>" });
  const question = { socket, path: "/" };

  expect(await askSocket(engine, name, question)).toEqual({ failure: expect.stringContaining("JSON") });
  expect(await askSocket("unix:///nowhere.sock", name, question)).toEqual({
    failure: expect.stringContaining("ENOENT"),
  });
  await command(name, "pause");
  expect(await askSocket(engine, name, question)).toEqual({ failure: expect.stringContaining("is paused") });
  await command(name, "unpause");
});

test.each([
  ["nothing more is asked", undefined, []],
  ["it is undone", { path: "/undo", body: { instance: "a" } }, ['POST /undo {"instance":"a"}']],
])("When the asker goes away, the question has been asked and %s.", async (_, undo, more) => {
  const name = await serving();
  const asker = new AbortController();
  const answer = askSocket(engine, name, { socket, path: "/do", body: {}, undo }, asker.signal);
  await expect.poll(() => asked(name), { timeout: 120_000 }).toHaveLength(1);

  asker.abort();

  expect(await answer).toEqual({ failure: expect.stringContaining("aborted") });
  await expect.poll(() => asked(name), { timeout: 120_000 }).toEqual(["POST /do {}", ...more]);
  if (undo === undefined) await expect.poll(() => logOf(name), { timeout: 120_000 }).toContain("left /do");
});
