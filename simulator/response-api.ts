import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { JsonBody } from "./body.ts";
import { eventStream, whileThere } from "./completion.ts";
import type { Engine } from "./engine.ts";
import { ApiError, badRequest, invalidBody } from "./errors.ts";
import { type GenerationRequest, parseRequest, type RequestLimits } from "./request.ts";

/*
 * OpenAI's responses, which vLLM answers from a chat. It stores them, as vLLM does with VLLM_ENABLE_RESPONSES_API_STORE=1.
 */

/** vLLM forgets none. */
const MAX_STORED = 1000;

type Fields = Readonly<Record<string, unknown>>;

/** One that is being made, or has been. */
interface Made {
  readonly id: string;
  readonly request: GenerationRequest;
  readonly fields: Fields;
  /** What has been said, and what it was said to. */
  readonly messages: readonly unknown[];
  readonly created: number;
  readonly itemId: string;
  status: "queued" | "in_progress" | "completed" | "incomplete" | "cancelled" | "failed";
  text: string;
  kvParams: string;
  /** Of a stream in the background. */
  readonly events: string[];
  readonly stop: AbortController;
  /** Which rank makes it. */
  readonly engine: Engine;
}

type Write = (text: string) => unknown;

export class Responses {
  readonly #limits: RequestLimits;
  readonly #stored = new Map<string, Made>();
  #wake: (() => void)[] = [];

  constructor(limits: RequestLimits) {
    this.#limits = limits;
  }

  /** POST /v1/responses. Throws ApiError. */
  async create(engine: Engine, body: JsonBody, response: ServerResponse): Promise<void> {
    const made = this.#begin(engine, body);
    const { fields, request, stop } = made;
    if (fields.store !== false) this.#store(made);
    if (fields.background === true) {
      engine.checkAlive();
      const run = request.stream
        ? this.#stream(made, (text) => made.events.push(text), stop.signal)
        : this.#run(made, stop.signal);
      void run
        .catch(() => {
          if (made.status !== "cancelled") made.status = "failed";
        })
        .finally(() => this.#changed());
      return request.stream ? this.#resume(made, -1, response) : sendJson(response, this.#answer(made));
    }
    await whileThere(engine, response, async (signal) => {
      if (!request.stream) {
        await this.#run(made, signal);
        return sendJson(response, this.#answer(made));
      }
      const write = eventStream(response, signal);
      try {
        await this.#stream(made, write, signal);
        response.end();
      } catch {
        // It has no event for what fails: the stream breaks.
        response.destroy();
      }
    });
  }

  /** GET /v1/responses/{id}. Throws ApiError. */
  retrieve(id: string, query: URLSearchParams, response: ServerResponse): Promise<void> | void {
    const made = this.#find(id);
    if (query.get("stream") !== "true") return sendJson(response, this.#answer(made));
    return this.#resume(made, Number(query.get("starting_after") ?? -1), response);
  }

  /** POST /v1/responses/{id}/cancel. Throws ApiError. */
  cancel(id: string, response: ServerResponse): void {
    const made = this.#find(id);
    if (made.status !== "queued" && made.status !== "in_progress")
      throw new ApiError(400, INVALID, "Cannot cancel a synchronous response.", "response_id");
    made.status = "cancelled";
    made.stop.abort();
    sendJson(response, this.#answer(made));
  }

  #begin(engine: Engine, { text, fields }: JsonBody): Made {
    if ((fields.input ?? undefined) === undefined) throw invalidBody("missing", ["input"], "Field required");
    if (fields.background === true && fields.store === false)
      throw badRequest("background can only be used when `store` is true", "background");
    const {
      previous_response_id: previous,
      instructions,
      input,
      max_output_tokens: maxTokens,
      ignore_eos,
      ...others
    } = fields;
    const before = typeof previous === "string" ? this.#find(previous) : undefined;
    const messages = [
      ...(before === undefined ? [] : [...before.messages, { role: "assistant", content: before.text }]),
      ...(typeof instructions === "string" ? [{ role: "system", content: instructions }] : []),
      ...(Array.isArray(input) ? input : [{ role: "user", content: input }]),
    ];
    const asChat = {
      ...others,
      messages,
      max_tokens: maxTokens,
      min_tokens: ignore_eos === true ? maxTokens : undefined,
    };
    const request = parseRequest("chat", { text, fields: asChat }, this.#limits, engine);
    return {
      engine,
      id: typeof fields.request_id === "string" ? fields.request_id : `resp_${digits()}${digits()}`,
      request,
      fields,
      messages,
      created: Math.floor(Date.now() / 1000),
      itemId: `msg_${digits()}`,
      status: fields.background === true ? "queued" : "in_progress",
      text: "",
      kvParams: "null",
      events: [],
      stop: new AbortController(),
    };
  }

  #store(made: Made): void {
    const [oldest] = this.#stored.keys();
    if (this.#stored.size >= MAX_STORED && oldest !== undefined) this.#stored.delete(oldest);
    this.#stored.set(made.id, made);
  }

  #find(id: string): Made {
    const made = this.#stored.get(id);
    if (made === undefined)
      throw new ApiError(404, INVALID, `Response with id '${id}' not found.`, "response_id");
    return made;
  }

  async #run(made: Made, signal: AbortSignal, onToken: Write = () => {}): Promise<void> {
    made.kvParams = await made.engine.generate(
      made.request,
      () => made.id,
      signal,
      (_, token) => {
        made.text += token;
        return onToken(token);
      },
    );
    made.status = "incomplete";
  }

  async #stream(made: Made, write: Write, signal: AbortSignal): Promise<void> {
    const { itemId: item_id } = made;
    let number = 0;
    const event = (type: string, fields: object) => {
      const data = JSON.stringify({ ...fields, sequence_number: number++, type });
      const done = write(`event: ${type}\ndata: ${data}\n\n`);
      this.#changed();
      return done;
    };
    const at = { item_id, output_index: 0 };
    made.status = "in_progress";
    const begun = JSON.parse(this.#answer(made));
    await event("response.created", { response: begun });
    await event("response.in_progress", { response: begun });
    let isFirst = true;
    await this.#run(made, signal, async (delta) => {
      if (isFirst) {
        isFirst = false;
        const item = { ...itemOf(made), content: [], status: "in_progress" };
        await event("response.output_item.added", { item, output_index: 0 });
        const part = { annotations: [], text: "", type: "output_text", logprobs: [] };
        await event("response.content_part.added", { content_index: 0, ...at, part });
      }
      await event("response.output_text.delta", { content_index: 0, delta, ...at, logprobs: [] });
    });
    await event("response.output_text.done", { content_index: 0, ...at, logprobs: [], text: made.text });
    await event("response.content_part.done", { content_index: 0, ...at, part: partOf(made) });
    await event("response.output_item.done", { item: itemOf(made), output_index: 0 });
    await event("response.completed", { response: JSON.parse(this.#answer(made)) });
  }

  /** The events behind the one of that number, and those that follow. */
  async #resume(made: Made, after: number, response: ServerResponse): Promise<void> {
    await whileThere(made.engine, response, async (signal) => {
      const write = eventStream(response, signal);
      for (let at = after + 1; ; at++) {
        while (at >= made.events.length) {
          if (made.status === "failed") return void response.destroy();
          await new Promise<void>((resolve) => this.#wake.push(resolve));
          signal.throwIfAborted();
        }
        const event = made.events[at] ?? "";
        await write(event);
        if (event.startsWith("event: response.completed\n")) break;
      }
      response.end();
    });
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** As JSON text: parsed, the greatest numbers of its parameters would change. */
  #answer(made: Made): string {
    const { fields, status, request, created, id } = made;
    const isOver = status === "incomplete";
    const [prompt] = request.prompts;
    const [input, output] = [prompt?.tokens.length ?? 0, prompt?.maxTokens ?? 0];
    const given = (key: string, fallback: unknown = null) => fields[key] ?? fallback;
    const tools = given("tools", []);
    const body = {
      id,
      created_at: created,
      incomplete_details: isOver ? { reason: "max_output_tokens" } : null,
      instructions: given("instructions"),
      metadata: given("metadata"),
      model: this.#limits.servedModelName,
      object: "response",
      output: isOver ? [itemOf(made)] : [],
      parallel_tool_calls: given("parallel_tool_calls", true),
      temperature: given("temperature", 1),
      tool_choice: given("tool_choice", Array.isArray(tools) && tools.length > 0 ? "auto" : "none"),
      tools,
      top_p: given("top_p", 1),
      background: given("background", false),
      max_output_tokens: output,
      max_tool_calls: given("max_tool_calls"),
      previous_response_id: given("previous_response_id"),
      prompt: null,
      reasoning: given("reasoning"),
      service_tier: given("service_tier", "auto"),
      status,
      text: given("text"),
      top_logprobs: null,
      truncation: given("truncation", "disabled"),
      usage: isOver ? usageOf(input, output) : null,
      user: given("user"),
      presence_penalty: given("presence_penalty", 0),
      frequency_penalty: given("frequency_penalty", 0),
    };
    const rest = '"ec_transfer_params":null,"input_messages":null,"output_messages":null';
    return `${JSON.stringify(body).slice(0, -1)},"kv_transfer_params":${made.kvParams},${rest}}`;
  }
}

const INVALID = "invalid_request_error";

const digits = () => randomUUID().replaceAll("-", "").slice(0, 16);

function partOf({ text }: Made): object {
  return { annotations: [], text, type: "output_text", logprobs: null };
}

function itemOf(made: Made): object {
  const common = { role: "assistant", status: "completed", type: "message", phase: null };
  return { id: made.itemId, content: [partOf(made)], ...common };
}

function usageOf(input: number, output: number): object {
  return {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: 0,
      cache_write_tokens: 0,
      input_tokens_per_turn: [],
      cached_tokens_per_turn: [],
    },
    output_tokens: output,
    output_tokens_details: {
      reasoning_tokens: 0,
      tool_output_tokens: 0,
      output_tokens_per_turn: [],
      tool_output_tokens_per_turn: [],
    },
    total_tokens: input + output,
  };
}

function sendJson(response: ServerResponse, body: string): void {
  response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}
