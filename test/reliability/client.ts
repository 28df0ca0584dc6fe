import { once } from "node:events";
import { connect } from "node:net";
import { expectedText } from "../../simulator/oracle.ts";
import type { Cell } from "./cells.ts";
import type { Got } from "./expected.ts";

const TOKENS = 6;

/** A request of a raw client, and what comes of it. */
export function clientOf(port: number, { stream }: Cell) {
  const body = `{"model":"m","prompt":"How does it end?","max_tokens":${TOKENS},"seed":9007199254740993,"stream":${stream}}`;
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  let text = "";
  socket.on("data", (bytes) => {
    text += bytes.toString("latin1");
  });
  socket.on("error", () => {});
  const head = [
    "POST /v1/completions HTTP/1.1",
    "Host: test",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  const over = Promise.race([once(socket, "end"), once(socket, "close")]);
  return {
    socket,
    /** What it is once the connection is over. */
    got: async (): Promise<Got> => {
      await over;
      const isBroken = socket.destroyed && !socket.readableEnded;
      const said = Buffer.from(text, "latin1").toString();
      socket.destroy();
      return isBroken || socket.isPaused() || said === ""
        ? "nothing"
        : readAnswer(said, expectedText(body, TOKENS), stream);
    },
  };
}

/** Throws for what no client should ever get. */
function readAnswer(said: string, oracle: string, stream: boolean): Got {
  const status = Number(said.split(" ")[1]);
  const body = said.slice(said.indexOf("\r\n\r\n") + 4);
  const wrong = (why: string) => new Error(`${why}: ${said}`);
  if (status !== 200) {
    if (JSON.parse(body).error.message === undefined) throw wrong("an error without a message");
    return status;
  }
  if (!stream) {
    if (JSON.parse(body).choices[0].text !== oracle) throw wrong("other tokens than the model's");
    return "exact";
  }
  const data = [...unchunked(body).matchAll(/data: (.*)\n\n/g)].map(([, json = ""]) => json);
  const last = data.pop() ?? "";
  const tokens = data.map((json) => JSON.parse(json).choices[0]?.text ?? "").join("");
  if (last === "[DONE]") {
    if (tokens !== oracle) throw wrong("other tokens than the model's");
    if (!body.endsWith("0\r\n\r\n")) throw wrong("a stream without its last chunk");
    return "exact";
  }
  if (JSON.parse(last).error?.message === undefined) throw wrong("a stream that says nothing of its end");
  if (!oracle.startsWith(tokens) || tokens === "") throw wrong("other tokens than the model's");
  return "error event";
}

function unchunked(body: string): string {
  let text = "";
  for (let at = 0; at < body.length; ) {
    const line = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.slice(at, line), 16);
    text += body.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
  return text;
}
