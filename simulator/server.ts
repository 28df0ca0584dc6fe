import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { isAllowed } from "./authentication.ts";
import { type JsonBody, parseJsonBody } from "./body.ts";
import { complete } from "./completion.ts";
import { Engine, type EngineConfig } from "./engine.ts";
import { ApiError, internalError } from "./errors.ts";
import { FAULTS_PATH, Faults } from "./faults.ts";
import { generate } from "./generate.ts";
import { PUSH_PATH } from "./layerwise.ts";
import { countMessage, message } from "./messages.ts";
import { renderMetrics } from "./metrics.ts";
import type { Endpoint } from "./prompts.ts";
import { Ranks } from "./ranks.ts";
import { parseRequest, type RequestLimits } from "./request.ts";
import { Responses } from "./response-api.ts";
import { type AnswerStyle, startAnswer, versionOf } from "./responses.ts";
import { detokenize, tokenize } from "./tokenize.ts";
import { PULL_PATH } from "./transfer.ts";
import { UsageError } from "./usage-error.ts";

export interface SimulatorConfig extends EngineConfig, RequestLimits, AnswerStyle {
  readonly host: string;
  readonly model: string;
  /** Ranks behind the port, with an engine each. */
  readonly dataParallelSize: number;
  /** What it asks for, as vLLM does. */
  readonly apiKey: string | undefined;
  /** Prefill instances whose KV cache arrives broken, unnoticed: see Faults. */
  readonly wrongKvFrom: readonly string[];
}

export interface Simulator {
  /** What is listened on, also when the configuration says 0. */
  readonly port: number;
  /** By rank. */
  readonly engines: readonly Engine[];
  /** The first. */
  readonly engine: Engine;
  /** Takes no more requests, lets those in flight finish, cuts what is left after `graceSeconds`. */
  readonly close: (graceSeconds: number) => Promise<void>;
}

type Handler = (incoming: IncomingMessage, response: ServerResponse, requestId: string) => unknown;

/** As uvicorn's. */
const BACKLOG = 2048;

/** Rejects with UsageError when it cannot listen. */
export async function startSimulator(
  config: SimulatorConfig,
  log: (line: string) => void,
): Promise<Simulator> {
  const server = createServer();
  server.listen({ host: config.host, port: config.port, backlog: BACKLOG });
  await once(server, "listening").catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      `cannot listen on ${config.host}:${config.port}: ${error.code}`,
      "give a free --port",
    );
  });
  const { port } = server.address() as AddressInfo;
  const faults = new Faults(config.wrongKvFrom);
  const engine = () => new Engine({ ...config, port }, faults, log);
  const ranks = new Ranks([engine(), ...Array.from({ length: config.dataParallelSize - 1 }, engine)]);
  const routes = routesOf(config, ranks, faults);
  server.on("request", (incoming, response) => {
    void respond(routes, config.apiKey, incoming, response, log);
    response.on("finish", () => {
      // A connection that turns idle while the server closes would otherwise bring further requests.
      if (!server.listening) incoming.socket.end();
    });
  });
  const { engines } = ranks;
  return { port, engines, engine: engines[0], close: (graceSeconds) => close(server, graceSeconds) };
}

function routesOf(
  config: SimulatorConfig,
  ranks: Ranks,
  faults: Faults,
): Record<string, Record<string, Handler>> {
  const started = Math.floor(Date.now() / 1000);
  const responses = new Responses(config);
  const completion =
    (endpoint: Endpoint): Handler =>
    async (incoming, response, requestId) => {
      const body = await jsonBody(incoming);
      const engine = ranks.of(incoming.headers);
      const request = parseRequest(endpoint, body, config, engine);
      await complete(engine, request, startAnswer(endpoint, requestId, config), response);
    };
  return {
    "/v1/completions": { POST: completion("completions") },
    "/v1/chat/completions": { POST: completion("chat") },
    "/generate": {
      POST: async (incoming, response, requestId) =>
        generate(ranks.of({}), await jsonBody(incoming), config, requestId, response),
    },
    "/v1/messages": {
      POST: (incoming, response, requestId) =>
        inAnthropicsForm(response, async () =>
          message(
            ranks.of(incoming.headers),
            await jsonBody(incoming),
            config,
            `chatcmpl-${requestId}`,
            response,
          ),
        ),
    },
    "/v1/messages/count_tokens": {
      POST: (incoming, response) =>
        inAnthropicsForm(response, async () =>
          sendJson(response, 200, countMessage(await jsonBody(incoming), config)),
        ),
    },
    "/v1/responses": {
      POST: async (incoming, response) =>
        responses.create(ranks.of(incoming.headers), await jsonBody(incoming), response),
    },
    [RESPONSE]: {
      GET: ({ url = "" }, response) => {
        const { pathname, searchParams } = new URL(url, "http://simulator");
        return responses.retrieve(idIn(pathname), searchParams, response);
      },
    },
    [`${RESPONSE}/cancel`]: {
      POST: ({ url }, response) => responses.cancel(idIn(url), response),
    },
    "/v1/models": { GET: (_, response) => sendJson(response, 200, modelList(config, started)) },
    "/tokenize": {
      POST: async (incoming, response) => sendJson(response, 200, tokenize(await jsonBody(incoming), config)),
    },
    "/detokenize": {
      POST: async (incoming, response) =>
        sendJson(response, 200, detokenize(await jsonBody(incoming), config)),
    },
    "/health": {
      GET: (_, response) => response.writeHead(ranks.isDead ? 503 : 200, { "Content-Length": 0 }).end(),
    },
    "/version": {
      GET: (_, response) => sendJson(response, 200, { version: versionOf(config.vllmVersion) }),
    },
    "/load": {
      GET: (_, response) => {
        const loads = ranks.engines.map(({ gauges: { running, waiting } }) => running + waiting);
        sendJson(response, 200, { server_load: loads.reduce((sum, load) => sum + load, 0) });
      },
    },
    "/metrics": {
      GET: (_, response) => {
        response.setHeader("Content-Type", "text/plain; version=1.0.0; charset=utf-8");
        response.end(renderMetrics(config, ranks.engines));
      },
    },
    [PULL_PATH]: {
      POST: async (incoming, response) => {
        const pulled = ranks.handOver((await jsonBody(incoming)).text);
        sendJson(response, pulled.failure === undefined ? 200 : 409, pulled);
      },
    },
    [FAULTS_PATH]: {
      POST: async (incoming, response) => {
        faults.become((await jsonBody(incoming)).fields);
        sendJson(response, 200, {});
      },
    },
    [PUSH_PATH]: {
      POST: async (incoming, response) => {
        ranks.arrived((await jsonBody(incoming)).text);
        sendJson(response, 200, {});
      },
    },
  };
}

async function respond(
  routes: Record<string, Record<string, Handler>>,
  apiKey: string | undefined,
  incoming: IncomingMessage,
  response: ServerResponse,
  log: (line: string) => void,
): Promise<void> {
  const requestId = `${incoming.headers["x-request-id"] ?? randomUUID().replaceAll("-", "")}`;
  response.setHeader("X-Request-Id", requestId);
  // uvicorn keeps connections open without saying so, or for how long.
  response.removeHeader("Connection");
  const methods = routes[patternOf(incoming.url?.split("?")[0] ?? "")];
  const handler = methods?.[incoming.method ?? ""];
  try {
    if (!isAllowed(incoming, apiKey)) sendJson(response, 401, { error: "Unauthorized" });
    else if (methods === undefined) sendJson(response, 404, { detail: "Not Found" });
    else if (handler === undefined) {
      response.setHeader("Allow", Object.keys(methods).join(", "));
      sendJson(response, 405, { detail: "Method Not Allowed" });
    } else await handler(incoming, response, requestId);
  } catch (error) {
    if (incoming.destroyed && !incoming.complete) return;
    if (!(error instanceof ApiError)) log(`${requestId}: ${error instanceof Error ? error.stack : error}`);
    const { status, body } = error instanceof ApiError ? error : internalError();
    sendJson(response, status, body);
  }
}

const RESPONSE = "/v1/responses/{id}";

function patternOf(path: string): string {
  return path.replace(/^\/v1\/responses\/[^/]+/, RESPONSE);
}

const idIn = (path = "") => path.split("/")[3] ?? "";

async function jsonBody(incoming: IncomingMessage): Promise<JsonBody> {
  return parseJsonBody(incoming.headers["content-type"], await buffer(incoming));
}

/** What vLLM's own code refuses there has Anthropic's form; what is refused before it has not. */
async function inAnthropicsForm(response: ServerResponse, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ApiError) || !error.type.endsWith("Error")) throw error;
    const { status, type, message } = error;
    sendJson(response, status, { type: "error", error: { type, message } });
  }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(text),
  });
  response.end(text);
}

function modelList({ servedModelName, model, maxModelLen }: SimulatorConfig, created: number): object {
  const card = { id: servedModelName, object: "model", created, owned_by: "vllm", root: model, parent: null };
  const permission = {
    id: `modelperm-${randomUUID().replaceAll("-", "")}`,
    object: "model_permission",
    created,
    allow_create_engine: false,
    allow_sampling: true,
    allow_logprobs: true,
    allow_search_indices: false,
    allow_view: true,
    allow_fine_tuning: false,
    organization: "*",
    group: null,
    is_blocking: false,
  };
  return { object: "list", data: [{ ...card, max_model_len: maxModelLen, permission: [permission] }] };
}

async function close(server: Server, graceSeconds: number): Promise<void> {
  const closed = once(server, "close");
  server.close();
  const cut = setTimeout(() => server.closeAllConnections(), graceSeconds * 1000);
  await closed;
  clearTimeout(cut);
}
