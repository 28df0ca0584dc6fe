import { expect, test } from "vitest";
import { ask, client, PLAIN, post } from "../testing/client.ts";
import { startRig } from "../testing/rig.ts";

/** A completion declared as `type`, `undefined` for not at all. */
function typed(type: string | undefined, path?: string, ...extra: string[]): string {
  const declared = type === undefined ? "" : `Content-Type: ${type}\r\n`;
  return post(PLAIN, path, ...extra).replace("Content-Type: application/json\r\n", declared);
}

test.for([
  "application/json",
  "APPLICATION/Json",
  "application/json;charset=utf-8",
  'application/json ; Charset="UTF-8"; x=y',
  "application/json;",
])("Rule 41: a body of the type %j is taken, and reaches the engines as JSON.", async (type) => {
  const { port, decode } = await startRig();

  const answer = await ask(port, typed(type));

  expect(answer.status).toBe(200);
  expect(decode[0]?.calls[0]?.header("content-type")).toEqual(["application/json"]);
});

test.for([
  // What a page of another site can have a browser send without asking first.
  "text/plain",
  "text/plain;charset=UTF-8",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=application/json",
  "text/plain; application/json",
  "",
  // What only looks alike.
  "application/jsonp",
  "application/json-patch+json",
  "application/vnd.api+json",
  "application/json, text/plain",
  "text/json",
  "json",
  "*/*",
])("Rule 41: a body of the type %j is a 415, and no engine hears of it.", async (type) => {
  const { port, prefill } = await startRig();

  const answer = await ask(port, typed(type));

  expect(answer.status).toBe(415);
  expect(answer.json().error).toEqual({
    message: "Only Content-Type: application/json is taken",
    type: "invalid_request_error",
    param: null,
    code: "unsupported_type",
  });
  expect(prefill[0]?.calls).toHaveLength(0);
});

test.for([[], ["Accept: */*", "User-Agent: curl/8"]])(
  "Rule 41: a body of no type is taken from a client that is no browser.",
  async (headers) => {
    const { port, decode } = await startRig();

    const answer = await ask(port, typed(undefined, undefined, ...headers));

    expect(answer.status).toBe(200);
    expect(decode[0]?.calls[0]?.header("content-type")).toEqual(["application/json"]);
  },
);

test.for(["Origin: https://other.example", "Origin: null", "Sec-Fetch-Site: cross-site"])(
  "Rule 41: a body of no type is a 415 from a browser, which sends %s.",
  async (header) => {
    const { port, prefill } = await startRig();

    const answer = await ask(port, typed(undefined, undefined, header));

    expect(answer.status).toBe(415);
    expect(prefill[0]?.calls).toHaveLength(0);
  },
);

test.for([
  { path: "/v1/completions", api: "openai" },
  { path: "/v1/chat/completions", api: "openai" },
  { path: "/generate", api: "vllm" },
] as const)("Rule 41: $path takes nothing but JSON.", async ({ path, api }) => {
  const { port } = await startRig({}, { api });

  const answer = await ask(port, typed("text/plain", path));

  expect(answer.status).toBe(415);
});

test("Rule 41: two types are refused, also equal ones.", async () => {
  const { port } = await startRig();

  const answer = await ask(port, typed("application/json", undefined, "Content-Type: application/json"));

  expect(answer.status).toBe(400);
  expect(answer.json().error.message).toBe("More than one content-type header");
});

test("Rule 41: a wrong type is answered before the body comes, without 100 Continue, and what comes is dropped.", async () => {
  const { port, prefill } = await startRig();
  const connection = await client(port);
  const [head = ""] = typed("text/plain", undefined, "Expect: 100-continue").split("\r\n\r\n");

  connection.send(`${head.replace(/Content-Length: \d+/, "Content-Length: 5000000")}\r\n\r\n`);
  const answer = await connection.answer();
  connection.send(Buffer.alloc(5_000_000, post(PLAIN)));
  const rest = await connection.ended();

  expect(answer.status).toBe(415);
  expect(answer.header("connection")).toBe("close");
  expect([rest, connection.broken]).toEqual(["", false]);
  expect(prefill[0]?.calls).toHaveLength(0);
});
