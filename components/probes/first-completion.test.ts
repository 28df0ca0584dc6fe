import type { RequestListener } from "node:http";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { deadUrl, serve } from "../../docker/testing/servers.ts";
import { tryRun } from "../../system/programs.ts";
import { runProbe } from "../testing/probes.ts";

function complete(url: string, timeoutSeconds = 30, api: "openai" | "vllm" = "openai") {
  return runProbe("first-completion", { url, api, model: "test-model", timeoutSeconds });
}

const answering = (status: number, body: string) =>
  serve((_request, response) => response.writeHead(status).end(body));

test("A completion with text is accepted; it was asked of the model by its served name.", async () => {
  const requests: string[] = [];
  const url = await serve(async (request, response) => {
    requests.push(`${request.method} ${request.url} ${await text(request)}`);
    response.end('{"choices": [{"text": "Hello."}]}');
  });

  const { code, stdout } = await complete(url);

  expect(stdout).toBe("first completion: 6 characters\n");
  expect(code).toBe(0);
  expect(requests).toEqual([expect.stringMatching(/^POST \/v1\/completions \{"model":"test-model",/)]);
});

test("Of vLLM's own API the text behind the prompt is accepted.", async () => {
  const requests: string[] = [];
  const url = await serve(async (request, response) => {
    requests.push(`${request.url} ${await text(request)}`);
    response.end('{"text": ["Say hello. Hello."]}');
  });

  const { code, stdout } = await complete(url, 30, "vllm");

  expect(stdout).toBe("first completion: 7 characters\n");
  expect(code).toBe(0);
  expect(requests).toEqual([expect.stringMatching(/^\/generate \{"prompt":"Say hello\.",/)]);
});

test("Of vLLM's own API the prompt alone is no answer.", async () => {
  const url = await answering(200, '{"text": ["Say hello."]}');

  const { code, stderr } = await complete(url, 30, "vllm");

  expect(stderr).toContain("came back without text (HTTP 200)");
  expect(code).toBe(1);
});

test.each([
  ["an empty text", 200, '{"choices": [{"text": ""}]}'],
  ["no choices", 200, '{"choices": []}'],
  ["something that is not JSON", 200, "<html>"],
  ["an error of the scheduler", 503, '{"error": {"message": "no prefill instance is ready"}}'],
  ["an error that carries a text all the same", 500, '{"choices": [{"text": "Hello."}]}'],
])("%s is refused, with the status and what came back.", async (_, status, body) => {
  const url = await answering(status, body);

  const { code, stderr } = await complete(url);

  expect(stderr).toContain(
    `the first completion through ${url} came back without text (HTTP ${status}): ${body}\nfix: `,
  );
  expect(code).toBe(1);
});

test.each([401, 403])(
  "Of an engine that wants a key (HTTP %i) that is said, and not that KV cache is missing.",
  async (status) => {
    const url = await answering(status, '{"error":"Unauthorized"}');

    const { code, stderr } = await complete(url);

    expect(stderr).toContain(
      `the first completion through ${url} was refused (HTTP ${status}): {"error":"Unauthorized"}\n` +
        "The engine, or what stands in front of it, wants another key than it was shown, if any was.\nfix: name VLLM_API_KEY in",
    );
    expect(stderr).not.toContain("KV cache");
    expect(code).toBe(1);
  },
);

test("What comes back in place of an answer is shown, and is no command to a terminal.", async () => {
  const url = await answering(500, "\u001b[2J\u009b31mred\u202e\tend");

  const { stderr } = await complete(url);

  expect(stderr).toContain("(HTTP 500): \\u001b[2J\\u009b31mred\\u202e\tend\nfix: ");
});

const cut: RequestListener = (_request, response) => {
  response.writeHead(200, { "content-length": 100 }).write('{"choices"', () => response.destroy());
};
const silent: RequestListener = () => {};

test.each([
  ["nobody listens", deadUrl, "connect ECONNREFUSED"],
  ["the connection is cut in the middle of the answer", () => serve(cut), "other side closed"],
  ["no answer comes in time", () => serve(silent), "aborted due to timeout"],
])("When %s, the reason is named in one message with the address.", async (_, start, reason) => {
  const url = await start();

  const { code, stderr } = await complete(url, 1);

  expect(stderr).toContain(`the first completion through ${url} failed: `);
  expect(stderr).toContain(reason);
  expect(stderr).toContain("\nfix: read the scheduler's log");
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(code).toBe(1);
});

test("Started by hand, it says what is missing.", async () => {
  const { PROBE: _, ...env } = process.env;

  const { code, stderr } = await tryRun(process.execPath, ["components/probes/first-completion.ts"], { env });

  expect(stderr).toBe("the environment variable PROBE is not set; `pulumi up` sets it\n");
  expect(code).toBe(1);
});
